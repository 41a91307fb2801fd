import NIOConcurrencyHelpers

/// What waits to be written to one event stream: bounded in bytes, any number of writers, one reader.
final class StreamMailbox: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var isFinished = false
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

  /// The last event, for which there is always room, and the end. Only the first call counts.
  func finish(_ event: [UInt8] = []) {
    let reader = state.withLockedValue { state -> CheckedContinuation<[UInt8]?, Never>? in
      guard !state.isFinished else { return nil }
      state.isFinished = true
      if let reader = state.reader {
        state.reader = nil
        return reader
      }
      state.bytes += event
      return nil
    }
    reader?.resume(returning: event.isEmpty ? nil : event)
  }

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
