import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// What upstreams ask clients of the handshake era, until they answer: each question has an id of its own in its session.
final class ClientQuestions: Sendable {
  typealias Answer = Result<[UInt8], ClientRefusal>

  private struct Key: Hashable {
    let session: Name
    let id: RPCID
  }

  private struct State {
    var lastID = 0
    var waiting: [Key: OneAnswer] = [:]
  }

  private let state = NIOLockedValueBox(State())

  /// How many wait for their answers.
  var count: Int { state.withLockedValue { $0.waiting.count } }

  /// Asks by `send`, which is given the question's id, and waits for the answer. Where the task is cancelled the question is given up.
  func ask(in session: Name, send: (RPCID) -> Bool) async -> Answer {
    let slot = OneAnswer()
    let id = state.withLockedValue { state in
      state.lastID += 1
      let id = RPCID(string: "weir-\(state.lastID)")
      state.waiting[Key(session: session, id: id)] = slot
      return id
    }
    defer { state.withLockedValue { _ = $0.waiting.removeValue(forKey: Key(session: session, id: id)) } }
    guard send(id) else { return .failure(ClientRefusal(code: RPCErrorObject.internalError, message: "the client takes no questions now")) }
    return await withTaskCancellationHandler {
      await slot.value()
    } onCancel: {
      slot.give(.failure(ClientRefusal(code: RPCErrorObject.internalError, message: "the question was given up")))
    }
  }

  /// A client's answer. False where nothing of this id was asked in this session, or it was answered already.
  @discardableResult
  func answer(_ id: RPCID, in session: Name, _ answer: Answer) -> Bool {
    guard let slot = state.withLockedValue({ $0.waiting.removeValue(forKey: Key(session: session, id: id)) }) else { return false }
    slot.give(answer)
    return true
  }

  /// The session is over: nobody will answer.
  func end(_ session: Name) {
    let slots = state.withLockedValue { state in
      let keys = state.waiting.keys.filter { $0.session == session }
      return keys.compactMap { state.waiting.removeValue(forKey: $0) }
    }
    for slot in slots { slot.give(.failure(ClientRefusal(code: RPCErrorObject.internalError, message: "the client ended its session"))) }
  }
}

/// One answer, for one who waits. The first counts.
final class OneAnswer: Sendable {
  private struct State {
    var answer: ClientQuestions.Answer?
    var waiter: CheckedContinuation<ClientQuestions.Answer, Never>?
  }

  private let state = NIOLockedValueBox(State())

  func give(_ answer: ClientQuestions.Answer) {
    let waiter = state.withLockedValue { state -> CheckedContinuation<ClientQuestions.Answer, Never>? in
      guard state.answer == nil else { return nil }
      state.answer = answer
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: answer)
  }

  func value() async -> ClientQuestions.Answer {
    await withCheckedContinuation { continuation in
      let answer = state.withLockedValue { state -> ClientQuestions.Answer? in
        if let answer = state.answer { return answer }
        state.waiter = continuation
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }
}
