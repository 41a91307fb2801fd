import NIOConcurrencyHelpers
import WeirCore
import WeirFlow
import WeirMCP

/// What upstreams ask clients of the handshake era, until they answer: each question has an id of its own in its session.
final class ClientQuestions: Sendable {
  typealias Answer = Result<[UInt8], ClientRefusal>

  /// What belongs together: the questions of one call.
  struct Scope: Hashable {
    fileprivate let number: Int
  }

  private struct Key: Hashable {
    let session: Name
    let id: RPCID
  }

  private struct Question {
    let slot: OneShot<Answer>
    let scope: Scope?
  }

  private struct State {
    var lastID = 0
    var lastScope = 0
    var waiting: [Key: Question] = [:]
  }

  private let state = NIOLockedValueBox(State())
  /// An answer to what another process asked, before this one began, is none to what this one asks.
  private let prefix: String
  private let patience: Duration
  private let time: any TimeSource

  /// - Parameter replica: where replicas share sessions: its name is part of each id, so that an answer finds its way.
  init(patience: Duration, time: any TimeSource, replica: Name? = nil) {
    prefix = replica?.string ?? String(UInt32.random(in: .min ... .max), radix: 16)
    self.patience = patience
    self.time = time
  }

  /// The replica that asked under this id; nil where it does not say.
  static func replica(of id: RPCID) -> Name? {
    guard id.raw.starts(with: #""weir-"#.utf8) else { return nil }
    let digits = id.raw.dropFirst(6).prefix { $0 != UInt8(ascii: "-") }
    return FrontFleet.isReplica(digits) ? Name(utf8: digits) : nil
  }

  /// How many wait for their answers.
  var count: Int { state.withLockedValue { $0.waiting.count } }

  /// Asks by `send`, which is given the question's id, and waits for the answer, but not for ever. Where the task is cancelled the question is given up.
  /// - Parameter withdraw: told where nobody wants the answer any more that the client may still give.
  func ask(in session: Name, of scope: Scope? = nil, withdraw: (RPCID) -> Void = { _ in }, send: (RPCID) -> Bool) async -> Answer {
    let slot = OneShot<Answer>()
    let id = state.withLockedValue { state in
      state.lastID += 1
      let id = RPCID(string: "weir-\(prefix)-\(state.lastID)")
      state.waiting[Key(session: session, id: id)] = Question(slot: slot, scope: scope)
      return id
    }
    let forget = { self.state.withLockedValue { $0.waiting.removeValue(forKey: Key(session: session, id: id)) != nil } }
    guard send(id) else {
      _ = forget()
      return .refused("the client takes no questions now")
    }
    let answer = await slot.answer(within: patience, time)
    if forget() { withdraw(id) }
    return answer
  }

  /// A client's answer. False where nothing of this id was asked in this session, or it was answered already.
  @discardableResult
  func answer(_ id: RPCID, in session: Name, _ answer: Answer) -> Bool {
    guard let question = state.withLockedValue({ $0.waiting.removeValue(forKey: Key(session: session, id: id)) }) else { return false }
    question.slot.give(answer)
    return true
  }

  /// A new scope, to be ended.
  func newScope() -> Scope {
    state.withLockedValue { state in
      state.lastScope += 1
      return Scope(number: state.lastScope)
    }
  }

  /// The call is over: what it asked matters to nobody now.
  func end(_ scope: Scope) { giveUp("the call is over") { $1.scope == scope } }

  /// The session is over: nobody will answer.
  func end(_ session: Name) { giveUp("the client ended its session") { key, _ in key.session == session } }

  private func giveUp(_ why: String, where isMeant: (Key, Question) -> Bool) {
    let questions = state.withLockedValue { state in
      let keys = state.waiting.filter { isMeant($0.key, $0.value) }.map(\.key)
      return keys.compactMap { state.waiting.removeValue(forKey: $0) }
    }
    for question in questions { question.slot.give(.refused(why)) }
  }
}
