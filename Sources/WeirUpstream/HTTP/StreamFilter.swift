import WeirCore

/// What is kept of one event stream while it is read.
struct StreamFilter {
  var progress: ProgressFilter
  /// Answers under way to the server's pings, and to what else it asks for.
  let pings = JobSlots(1)
  let refusals = JobSlots(4)

  /// For the answer to the request `id`. The stream of a legacy server that answers nothing has none.
  init(id: Int = 0, onProgress: (@Sendable (CallProgress) -> Void)? = nil) {
    progress = ProgressFilter(id: id, sink: onProgress)
  }
}
