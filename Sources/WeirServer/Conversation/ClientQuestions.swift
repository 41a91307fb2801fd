import NIOConcurrencyHelpers
import WeirCore
import WeirFlow
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
    var waiting: [Key: OneShot<Answer>] = [:]
  }

  private let state = NIOLockedValueBox(State())
  private let patience: Duration
  private let time: any TimeSource

  init(patience: Duration, time: any TimeSource) {
    self.patience = patience
    self.time = time
  }

  /// How many wait for their answers.
  var count: Int { state.withLockedValue { $0.waiting.count } }

  /// Asks by `send`, which is given the question's id, and waits for the answer, but not for ever. Where the task is cancelled the question is given up.
  func ask(in session: Name, send: (RPCID) -> Bool) async -> Answer {
    let slot = OneShot<Answer>()
    let id = state.withLockedValue { state in
      state.lastID += 1
      let id = RPCID(string: "weir-\(state.lastID)")
      state.waiting[Key(session: session, id: id)] = slot
      return id
    }
    defer { state.withLockedValue { _ = $0.waiting.removeValue(forKey: Key(session: session, id: id)) } }
    guard send(id) else { return .refused("the client takes no questions now") }
    return await slot.answer(within: patience, time)
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
    for slot in slots { slot.give(.refused("the client ended its session")) }
  }
}
