import NIOConcurrencyHelpers

/// What waits to be written to one event stream: bounded in bytes, any number of writers, one reader.
final class StreamMailbox: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var isFinished = false
    var last: ReplyBody?
    var reader: CheckedContinuation<[UInt8]?, Never>?
  }

  private let limit: Int
  private let state = NIOLockedValueBox(State())

  init(limit: Int) {
    self.limit = limit
  }

  /// Returns false where there was no room, or the stream is over: the event is dropped.
  @discardableResult
  func push(_ event: [UInt8]) -> Bool {
    let (taken, reader) = state.withLockedValue { state -> (Bool, CheckedContinuation<[UInt8]?, Never>?) in
      guard !state.isFinished, state.bytes.count + event.count <= limit else { return (false, nil) }
      if let reader = state.reader {
        state.reader = nil
        return (true, reader)
      }
      state.bytes += event
      return (true, nil)
    }
    reader?.resume(returning: event)
    return taken
  }

  /// No further event but the last one, for which there is always room. Only the first call counts.
  func finish(_ last: ReplyBody? = nil) {
    let reader = state.withLockedValue { state -> CheckedContinuation<[UInt8]?, Never>? in
      guard !state.isFinished else { return nil }
      state.isFinished = true
      state.last = last
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  /// The last event, to be written after `next` has returned nil.
  var last: ReplyBody? { state.withLockedValue { $0.last } }

  /// Everything that waits, as soon as something does; nil at the end. Not cancellable: whoever cancels also finishes.
  func next() async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      let ready = state.withLockedValue { state -> [UInt8]?? in
        if !state.bytes.isEmpty {
          defer { state.bytes = [] }
          return .some(state.bytes)
        }
        if state.isFinished || state.reader != nil { return .some(nil) }
        state.reader = continuation
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }
}
