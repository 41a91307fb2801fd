import CCurl

/// What libcurl wants to be told of: sockets and time. It calls these under the driver's lock, from within its own functions.
extension TransferEngine {
  func installCallbacks() throws(HTTPClientError) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    try HTTPClientError.check(weir_curl_multi_set_socket(multi, Self.onSocket, context))
    try HTTPClientError.check(weir_curl_multi_set_timer(multi, Self.onTimer, context))
  }

  /// The number that libcurl keeps with a socket is what it is watched for. A refusal ends the transfers, which could not go on.
  private static let onSocket: curl_socket_callback = { _, socket, what, context, known in
    guard let engine = TransferEngine.from(context) else { return -1 }
    let isWatched = engine.poller.watch(socket, what, before: CInt(truncatingIfNeeded: Int(bitPattern: known)))
    if what == CURL_POLL_REMOVE { return 0 }
    guard isWatched else { return -1 }
    return curl_multi_assign(engine.multi, socket, UnsafeMutableRawPointer(bitPattern: Int(what))) == CURLM_OK ? 0 : -1
  }

  private static let onTimer: curl_multi_timer_callback = { _, milliseconds, context in
    guard let engine = TransferEngine.from(context) else { return -1 }
    engine.timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
    return 0
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> TransferEngine? {
    context.map { Unmanaged<TransferEngine>.fromOpaque($0).takeUnretainedValue() }
  }
}
