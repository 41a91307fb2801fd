import NIOCore

/// The server's end of one connection, for scripts.
struct Connection: Sendable {
  let channel: any Channel

  init(_ channel: any Channel) {
    self.channel = channel
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
  }

  /// A complete answer with a length.
  func answer(_ body: String = "{}", status: String = "200 OK", headers: String = "Content-Type: application/json\r\n") {
    send("HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  /// Closes after what has been sent.
  func close() { channel.close(promise: nil) }

  func after(_ delay: TimeAmount, _ action: @escaping @Sendable () -> Void) {
    channel.eventLoop.scheduleTask(in: delay, action)
  }

  /// Sends the pieces one by one, each in its own segment, then calls `then`.
  func trickle(_ pieces: [[UInt8]], every delay: TimeAmount, then: @escaping @Sendable () -> Void = {}) {
    guard let piece = pieces.first else { return then() }
    send(piece)
    after(delay) { trickle(Array(pieces.dropFirst()), every: delay, then: then) }
  }

  /// Sends the same bytes again and again, each when the one before has gone out, until `count` are sent or the connection is closed.
  func flood(_ bytes: ByteBuffer, count: Int) {
    guard count > 0 else { return }
    channel.writeAndFlush(bytes).whenSuccess { flood(bytes, count: count - 1) }
  }
}
