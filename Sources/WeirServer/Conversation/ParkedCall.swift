import NIOConcurrencyHelpers
import WeirCore
import WeirFlow
import WeirJSON
import WeirMCP
import WeirPipeline

/// A modern client's call of which the upstream, a server of the handshake era, may ask something on the way. The client is asked by an answer
/// (`input_required`, MCP 2026-07-28, multi round-trip requests), and the call waits until it comes back.
final class ParkedCall: Sendable {
  /// Who may come back, and with what.
  struct Owner: Sendable, Hashable {
    let principal: Name
    let place: Name
    let method: String
    /// What the request names: a tool, a prompt, a URI.
    let name: Name?
  }

  /// What a client that waits for the call is told.
  enum News: Sendable {
    case reply(CallReply?)
    /// `inputRequests`, a JSON object.
    case questions([UInt8])
  }

  private struct Question {
    let key: String
    /// `{"method":…,"params":…}`
    let request: [UInt8]
    let slot: OneShot<ClientQuestions.Answer>
  }

  private struct State {
    var questions: [Question] = []
    var lastKey = 0
    /// There are questions that the client has not been told in this visit.
    var isToAsk = false
    var reply: CallReply??
    var waiter: OneShot<News>?
    var push: (@Sendable ([UInt8]) -> Bool)?
    var token: [UInt8]?
  }

  private static let mostQuestions = 16
  /// Of an answer, or of a question.
  private static let mostKeptBytes = 256 * 1024

  let owner: Owner
  /// Told when the client left while it waited.
  let departure: Departure
  private let state = NIOLockedValueBox(State())

  init(owner: Owner, departure: Departure) {
    self.owner = owner
    self.departure = departure
  }

  // MARK: The client

  /// A client waits, with a stream for what comes before the news, and brings a result for each question by its key (`inputResponses`); others
  /// stay asked. What the upstream says to an answer finds the stream already there.
  func visit(token: [UInt8]?, answers: JSONValue?, push: @escaping @Sendable ([UInt8]) -> Bool) -> OneShot<News> {
    let slot = OneShot<News>()
    let given = state.withLockedValue { state -> [(OneShot<ClientQuestions.Answer>, [UInt8])] in
      let given = state.questions.compactMap { question in answers?[question.key].map { (question, $0.raw) } }
      state.questions.removeAll { question in given.contains { $0.0.key == question.key } }
      state.push = push
      state.token = token
      state.waiter = slot
      state.isToAsk = !state.questions.isEmpty
      tell(&state)
      return given.map { ($0.0.slot, $0.1) }
    }
    for (question, result) in given { question.give(.success(result)) }
    return slot
  }

  /// The progress token of the request that waits now.
  var token: [UInt8]? { state.withLockedValue { $0.token } }

  /// Gives an event to the client that waits now; false where none does.
  func push(_ event: [UInt8]) -> Bool { state.withLockedValue { $0.push }?(event) ?? false }

  // MARK: The call

  /// The call is over; nil: nobody wanted its answer any more. What it asked matters to nobody now. An answer that nobody waits for is kept
  /// unless it is large.
  func finish(_ reply: CallReply?) {
    let questions = state.withLockedValue { state -> [Question] in
      let isKept = state.waiter != nil || (reply?.byteCount ?? 0) <= Self.mostKeptBytes
      state.reply = .some(isKept ? reply : Self.tooLarge)
      tell(&state)
      defer { state.questions = [] }
      return state.questions
    }
    for question in questions { question.slot.give(.refused("the call is over")) }
  }

  private static let tooLarge = CallReply(
    body: .failure(CallError(.overloaded, "the answer came while nobody waited for it and was too large to be kept; call again")), outcome: .error)

  /// Asks the client, now or when it comes back, and waits for its answer.
  func ask(_ method: String, _ params: [UInt8]?, patience: Duration, time: any TimeSource) async -> ClientQuestions.Answer {
    let slot = OneShot<ClientQuestions.Answer>()
    let key = state.withLockedValue { state -> String? in
      guard state.reply == nil, state.questions.count < Self.mostQuestions, (params?.count ?? 0) <= Self.mostKeptBytes else { return nil }
      state.lastKey += 1
      let key = "question-\(state.lastKey)"
      state.questions.append(Question(key: key, request: Self.request(method, params), slot: slot))
      state.isToAsk = true
      tell(&state)
      return key
    }
    guard let key else { return .refused("the client can be asked no more now") }
    defer { state.withLockedValue { $0.questions.removeAll { $0.key == key } } }
    return await slot.answer(within: patience, time)
  }

  private func tell(_ state: inout State) {
    guard let waiter = state.waiter else { return }
    if let reply = state.reply {
      waiter.give(.reply(reply))
    } else if state.isToAsk {
      waiter.give(.questions(Self.requests(state.questions)))
    } else {
      return
    }
    state.isToAsk = false
    state.waiter = nil
    state.push = nil
  }

  // MARK: Wire

  /// A question as 2026-07-28 knows it, where one that sends the user to a URL has no id of its own.
  private static func request(_ method: String, _ params: [UInt8]?) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("method", method)
    if let params {
      let root = try? JSONDocument(parsing: params).root
      writer.memberRaw("params", root?["elicitationId"] == nil ? params : root?.removing(["elicitationId"]) ?? params)
    }
    writer.endObject()
    return writer.bytes
  }

  private static func requests(_ questions: [Question]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for question in questions { writer.memberRaw(question.key, question.request) }
    writer.endObject()
    return writer.bytes
  }
}

extension CallReply {
  /// The bytes of its result.
  fileprivate var byteCount: Int { if case .result(let result, _) = body { result.bytes.count } else { 0 } }
}

extension OneShot where Value == ClientQuestions.Answer {
  /// Waits for a client's answer, but not for ever.
  func answer(within patience: Duration, _ time: any TimeSource) async -> ClientQuestions.Answer {
    await withTaskGroup(of: Void.self) { group in
      // Ends with the answer at the latest: the group awaits it.
      group.addTask {
        try? await time.sleep(until: time.now() + patience)
        if !Task.isCancelled { self.give(.refused("the client did not answer in time")) }
      }
      let answer = await value()
      group.cancelAll()
      return answer ?? .refused("the question was given up")
    }
  }
}

extension ClientQuestions.Answer {
  /// What an upstream is told in the place of a client's answer.
  static func refused(_ why: String) -> Self { .failure(ClientRefusal(code: RPCErrorObject.internalError, message: why)) }
}

/// The client of a call that may be parked.
struct ParkedPeer: ClientPeer {
  let call: ParkedCall
  /// Takes an event for the client that waits now; false where there is no room for it.
  let push: @Sendable ([UInt8]) -> Bool
  let patience: Duration
  let time: any TimeSource
  /// Counts what found no room.
  let onDrop: @Sendable () -> Void

  func notify(_ method: String, _ params: [UInt8]?) {
    if !push(ServerSentEventWriter.event(data: RPCWriter.notification(method: method, params: params), event: "message")) { onDrop() }
  }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    try await call.ask(method, params, patience: patience, time: time).get()
  }
}
