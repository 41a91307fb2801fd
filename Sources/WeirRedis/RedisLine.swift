internal import NIOConcurrencyHelpers
internal import NIOCore

/// What the callers' threads and the event loop of one connection share: the requests not yet written, and how much is pending.
final class RedisLine: Sendable {
  private struct State {
    var submitted: [RedisRequest] = []
    var submittedBytes = 0
    var isWriteScheduled = false
    var pending = 0
    var pendingBytes = 0
    var closedBy: RedisError?
    var lastHeard = NIODeadline.uptimeNanoseconds(0)
    var discarded: UInt64 = 0
  }

  enum Admission {
    /// Accepted; the event loop must be told to write.
    case schedule
    /// Accepted; it has been told already.
    case accepted
    case refused(RedisError)
  }

  private let maxPending: Int
  private let maxBytes: Int
  private let state = NIOLockedValueBox(State())

  init(maxPending: Int, maxBytes: Int) {
    self.maxPending = maxPending
    self.maxBytes = maxBytes
  }

  func submit(_ request: RedisRequest) -> Admission {
    state.withLockedValue { state in
      if let error = state.closedBy { return .refused(error) }
      let size = request.bytes.readableBytes
      guard state.pending + state.submitted.count < maxPending, state.pendingBytes + state.submittedBytes + size <= maxBytes else {
        return .refused(RedisError(.overloaded, "\(state.pending + state.submitted.count) requests are pending on the connection"))
      }
      state.submitted.append(request)
      state.submittedBytes += size
      defer { state.isWriteScheduled = true }
      return state.isWriteScheduled ? .accepted : .schedule
    }
  }

  func takeSubmitted() -> [RedisRequest] {
    state.withLockedValue { state in
      state.isWriteScheduled = false
      state.submittedBytes = 0
      defer { state.submitted = [] }
      return state.submitted
    }
  }

  /// - Parameter heard: when the server sent something, where it has.
  func publish(pending: Int, bytes: Int, heard: NIODeadline? = nil) {
    state.withLockedValue {
      $0.pending = pending
      $0.pendingBytes = bytes
      if let heard { $0.lastHeard = heard }
    }
  }

  func countDiscarded(_ count: Int) {
    state.withLockedValue { $0.discarded += UInt64(count) }
  }

  /// Refuses everything from now on. The first reason stays.
  /// - Returns: What was submitted and never written.
  func close(_ error: RedisError) -> [RedisRequest] {
    state.withLockedValue { state in
      state.closedBy = state.closedBy ?? error
      defer {
        state.submitted = []
        state.submittedBytes = 0
      }
      return state.submitted
    }
  }

  var isClosed: Bool { state.withLockedValue { $0.closedBy != nil } }
  var lossError: RedisError { state.withLockedValue { $0.closedBy } ?? RedisError(.connectionLost, "the connection was closed") }
  var load: Int { state.withLockedValue { $0.pending + $0.submitted.count } }
  var lastHeard: NIODeadline { state.withLockedValue { $0.lastHeard } }
  var discarded: UInt64 { state.withLockedValue { $0.discarded } }
}
