import WeirCore

/// What is kept of one event stream while it is read.
struct StreamFilter {
  var progress: ProgressFilter
  /// Who hears and is asked what comes on this stream.
  var peer: (any ClientPeer)?
  /// Answers under way to the server's pings, and to what else it asks for.
  let pings = JobSlots(1)
  let refusals = JobSlots(4)
  /// Questions that a client is being asked.
  let questions = JobSlots(8)

  /// For the answer to the request `id`. The stream of a legacy server that answers nothing has none.
  init(id: Int = 0, peer: (any ClientPeer)?, onProgress: (@Sendable (CallProgress) -> Void)? = nil) {
    self.peer = peer
    progress = ProgressFilter(id: id, sink: onProgress)
  }
}
