import NIOConcurrencyHelpers
import WeirCore
import WeirMCP
import WeirPipeline

/// A tool call whose answer is waited for, with what is needed to write it.
final class WaitingCall: Sendable {
  let id: RPCID
  let era: ProtocolEra
  /// What the request is called in metrics.
  let label: StaticString
  /// The JSON text of the caller's progress token, where it sent one.
  let progressToken: [UInt8]?
  /// The session of a legacy client.
  let session: Name?
  /// The upstream may have something to say or to ask before it answers.
  let isConversation: Bool
  /// The call of a modern client that its upstream may want to ask something of.
  let parked: ParkedCall?
  private let prefersEvents: Bool
  /// Told when nobody waits any more.
  let departure: Departure
  private let pending: NIOLockedValueBox<PendingCall?>
  private let onEnd: @Sendable () -> Void

  init(
    _ pending: PendingCall, id: RPCID, era: ProtocolEra, label: StaticString, session: Name?, prefersEvents: Bool = false, parked: ParkedCall? = nil,
    progressToken: [UInt8]?,
    departure: Departure, onEnd: @escaping @Sendable () -> Void
  ) {
    self.pending = NIOLockedValueBox(pending)
    self.session = session
    // Modern clients are asked by an answer, and only where one may ask.
    isConversation = pending.isConversation && (era == .legacy || parked != nil)
    self.parked = parked
    self.prefersEvents = prefersEvents
    self.id = id
    self.era = era
    self.label = label
    self.progressToken = progressToken
    self.departure = departure
    self.onEnd = onEnd
  }

  /// Whether the answer is an event stream.
  var isStream: Bool { progressToken != nil || isConversation || prefersEvents }

  /// Waits for the answer, or until nobody wants it any more: then nil. The second call returns nil at once.
  func reply(to listener: CallListener = CallListener()) async -> CallReply? {
    await reply(to: listener) { $0 }
  }

  /// Waits for the answer and makes something of it in the task that has it, so that nobody must be woken first; nil, and nothing is made,
  /// where nobody wants it any more, and at the second call.
  func reply<Made: Sendable>(
    to listener: CallListener = CallListener(), as make: @escaping @Sendable (CallReply) -> Made
  ) async -> Made? {
    guard let call = take() else { return nil }
    return await withTaskGroup(of: Made?.self) { group in
      group.addTaskStartingNow { [self] in
        let reply = await call.reply(to: listener)
        onEnd()
        return departure.end() ? make(reply) : nil
      }
      // Whoever leaves cancels the call, and waits for its end.
      if await departure.wait() != nil || Task.isCancelled { group.cancelAll() }
      return await group.next() ?? nil
    }
  }

  /// Gives the call up where nobody has begun to wait: a pending call must be asked for its reply once.
  func abandon() async {
    guard let call = take() else { return }
    defer { onEnd() }
    await withDiscardingTaskGroup { group in
      group.cancelAll()
      group.addTask { _ = await call.reply() }
    }
  }

  private func take() -> PendingCall? {
    pending.withLockedValue { pending in
      defer { pending = nil }
      return pending
    }
  }
}

extension TaskGroup {
  /// Adds a task that runs on the spot until it first waits, where the system can do that.
  fileprivate mutating func addTaskStartingNow(_ operation: sending @escaping @isolated(any) () async -> ChildTaskResult) {
    if #available(macOS 26, *) {
      addImmediateTask(operation: operation)
    } else {
      addTask(operation: operation)
    }
  }
}
