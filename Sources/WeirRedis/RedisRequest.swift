internal import NIOConcurrencyHelpers
internal import NIOCore

/// One or more commands on their way, and the caller who waits for all their replies. Finishes exactly once, by whoever is first: the reply,
/// the timeout, the end of the connection, or the caller's cancellation.
final class RedisRequest: Sendable {
  typealias Outcome = Result<[RedisReply], RedisError>

  private enum State {
    case created
    case waiting(CheckedContinuation<Outcome, Never>)
    case finished(Outcome)
  }

  private struct Guarded {
    var state = State.created
    /// The number in the connection's queue, once written.
    var queueID: UInt64?
    /// For how long it waited to be written.
    var delay = TimeAmount.zero
  }

  /// The wire form.
  let bytes: ByteBuffer
  let commands: Int
  let deadline: NIODeadline
  private let created = NIODeadline.now()
  private let guarded = NIOLockedValueBox(Guarded())

  init(bytes: ByteBuffer, commands: Int, deadline: NIODeadline) {
    self.bytes = bytes
    self.commands = commands
    self.deadline = deadline
  }

  /// Waits for the outcome. `submit` is called once the caller is parked, unless it was cancelled before.
  func outcome(submit: () -> Void) async -> Outcome {
    await withCheckedContinuation { continuation in
      let already = guarded.withLockedValue { guarded -> Outcome? in
        if case .finished(let outcome) = guarded.state { return outcome }
        guarded.state = .waiting(continuation)
        return nil
      }
      if let already { continuation.resume(returning: already) } else { submit() }
    }
  }

  /// - Returns: False where it had finished before: this outcome reaches nobody.
  @discardableResult
  func finish(_ outcome: Outcome) -> Bool {
    let (continuation, isFirst) = guarded.withLockedValue { guarded -> (CheckedContinuation<Outcome, Never>?, Bool) in
      switch guarded.state {
      case .finished: return (nil, false)
      case .created:
        guarded.state = .finished(outcome)
        return (nil, true)
      case .waiting(let continuation):
        guarded.state = .finished(outcome)
        return (continuation, true)
      }
    }
    continuation?.resume(returning: outcome)
    return isFirst
  }

  /// Gives it its number, by `assign`, unless its caller has left already: then it need not be written at all.
  func enqueue(at now: NIODeadline, _ assign: () -> UInt64) -> Bool {
    guarded.withLockedValue { guarded in
      if case .finished = guarded.state { return false }
      guarded.queueID = assign()
      guarded.delay = now - created
      return true
    }
  }

  /// By how much less time than promised the server had, were the request given up now: what this process took to write, and to give up.
  func lateness(at now: NIODeadline) -> TimeAmount { guarded.withLockedValue { $0.delay } + max(.zero, now - deadline) }

  var queueID: UInt64? { guarded.withLockedValue { $0.queueID } }
}
