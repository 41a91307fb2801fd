import NIOConcurrencyHelpers

/// What waits to be written to one event stream: any number of writers, one reader. Events are bounded in bytes, answers are not: how many
/// answers a stream may get is bounded where calls are let in.
final class StreamMailbox: Sendable {
  private struct Part {
    var body: ReplyBody
    let isEvents: Bool
  }

  private struct State {
    var parts: [Part] = []
    /// Of the events among them.
    var bytes = 0
    var isFinished = false
    /// Told when something has come, where nobody waits in `next`.
    var onArrival: (@Sendable () -> Void)?
    var reader: CheckedContinuation<ReplyBody?, Never>?
  }

  private let limit: Int
  private let state = NIOLockedValueBox(State())

  init(limit: Int) {
    self.limit = limit
  }

  /// What waits for the reader.
  var waiting: (parts: Int, bytes: Int) { state.withLockedValue { ($0.parts.count, $0.parts.reduce(0) { $0 + $1.body.count }) } }

  /// Returns false where there was no room, or the stream is over: the event is dropped.
  @discardableResult
  func push(_ event: [UInt8]) -> Bool {
    let (taken, reader, onArrival) = state.withLockedValue { state -> (Bool, CheckedContinuation<ReplyBody?, Never>?, (@Sendable () -> Void)?) in
      guard !state.isFinished, state.bytes + event.count <= limit else { return (false, nil, nil) }
      defer { state.reader = nil }
      let wasEmpty = state.parts.isEmpty
      if state.reader == nil { Self.add(event, to: &state) }
      return (true, state.reader, wasEmpty ? state.onArrival : nil)
    }
    reader?.resume(returning: .whole(event))
    onArrival?()
    return taken
  }

  /// Takes an answer, for which there is always room until the stream is over.
  @discardableResult
  func answer(_ body: ReplyBody) -> Bool {
    let (taken, reader, onArrival) = state.withLockedValue { state -> (Bool, CheckedContinuation<ReplyBody?, Never>?, (@Sendable () -> Void)?) in
      guard !state.isFinished else { return (false, nil, nil) }
      defer { state.reader = nil }
      let wasEmpty = state.parts.isEmpty
      if state.reader == nil { state.parts.append(Part(body: body, isEvents: false)) }
      return (true, state.reader, wasEmpty ? state.onArrival : nil)
    }
    reader?.resume(returning: body)
    onArrival?()
    return taken
  }

  /// No further event but the last one, for which there is always room. Only the first call counts.
  func finish(_ last: ReplyBody? = nil) {
    let (reader, first, onArrival) = state.withLockedValue {
      state -> (CheckedContinuation<ReplyBody?, Never>?, ReplyBody?, (@Sendable () -> Void)?) in
      guard !state.isFinished else { return (nil, nil, nil) }
      state.isFinished = true
      defer { state.reader = nil }
      if state.reader == nil, let last { state.parts.append(Part(body: last, isEvents: false)) }
      return (state.reader, last, state.onArrival)
    }
    reader?.resume(returning: first)
    onArrival?()
  }

  /// What a reader that does not wait finds.
  enum Taken {
    case part(ReplyBody)
    case nothingYet
    case end
  }

  /// What waits first. Once this has been `nothingYet`, the reader is told when something comes.
  func take() -> Taken {
    state.withLockedValue { state in
      if !state.parts.isEmpty { return .part(Self.removeFirst(of: &state)) }
      return state.isFinished ? .end : .nothingYet
    }
  }

  /// From now on this is called, on any thread, when something comes to an empty mailbox and when it is finished; nil: nobody is told.
  func tell(_ onArrival: (@Sendable () -> Void)?) { state.withLockedValue { $0.onArrival = onArrival } }

  /// What waits first, as soon as something does; nil at the end. Not cancellable: whoever cancels also finishes.
  func next() async -> ReplyBody? {
    await withCheckedContinuation { continuation in
      let ready = state.withLockedValue { state -> ReplyBody?? in
        if !state.parts.isEmpty { return .some(Self.removeFirst(of: &state)) }
        if state.isFinished || state.reader != nil { return .some(nil) }
        state.reader = continuation
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }

  /// Events that wait together are written together.
  private static func add(_ event: [UInt8], to state: inout State) {
    state.bytes += event.count
    guard let last = state.parts.indices.last, state.parts[last].isEvents, case .whole(var waiting) = state.parts[last].body else {
      return state.parts.append(Part(body: .whole(event), isEvents: true))
    }
    // Held once, so that it grows in place.
    state.parts[last].body = .whole([])
    waiting += event
    state.parts[last].body = .whole(waiting)
  }

  private static func removeFirst(of state: inout State) -> ReplyBody {
    let first = state.parts.removeFirst()
    if first.isEvents { state.bytes -= first.body.count }
    return first.body
  }
}
