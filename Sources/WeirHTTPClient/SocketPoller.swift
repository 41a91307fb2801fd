import CCurl

/// The system's queue of socket events: one thread waits for it, every other one may change what is watched, and ring.
final class SocketPoller: Sendable {
  typealias Event = weir_socket_event

  private let sockets: weir_sockets

  /// Nil where the system has no descriptors left.
  init?() {
    var sockets = weir_sockets(queue: -1, bell: -1)
    let code = weir_sockets_open(&sockets)
    self.sockets = sockets
    if code < 0 { return nil }
  }

  deinit { weir_sockets_close(sockets) }

  /// Watches a socket as libcurl's socket callback says.
  /// - Parameters:
  ///   - what: `CURL_POLL_IN`, `_OUT`, `_INOUT` or `_REMOVE`.
  ///   - before: what it was watched for until now; 0: for nothing.
  /// - Returns: whether the system does it.
  func watch(_ socket: curl_socket_t, _ what: CInt, before: CInt) -> Bool {
    weir_sockets_watch(sockets, socket, what, before) == 0
  }

  /// Ends the waiting, now or the next time.
  func ring() { _ = weir_sockets_ring(sockets) }

  /// Waits for events, a ring or the end of so many milliseconds. Nil where the system fails.
  func wait(_ milliseconds: CInt) -> [Event]? {
    var failed = false
    let events = [Event](unsafeUninitializedCapacity: Int(WEIR_MOST_SOCKET_EVENTS)) { buffer, count in
      let found = weir_sockets_wait(sockets, buffer.baseAddress, milliseconds)
      failed = found < 0
      count = max(0, Int(found))
    }
    return failed ? nil : events
  }
}
