import NIOCore
import WeirCore
import WeirMCP

/// The event streams that clients leave open: no task waits for what comes, so that an idle one costs little.
extension ConnectionGuard {
  /// The stream that is being written.
  struct Streaming {
    let stream: NotificationStream
    /// Not for HTTP/1.0: its answer ends with the connection.
    let isChunked: Bool
    /// The part that is being written.
    var current: ReplyBody?
  }

  func begin(_ stream: NotificationStream, _ headers: [(name: String, value: String)], isChunked: Bool, _ context: ChannelHandlerContext) {
    if !isChunked { machine.closeAfterResponse() }
    machine.isStreaming = true
    streaming = Streaming(stream: stream, isChunked: isChunked, current: .whole(stream.opening))
    core.answered("GET", status: 200)
    core.opened(stream)
    var buffer = context.channel.allocator.buffer(capacity: 320)
    ReplyEncoder.encodeStreamHead(
      headers, date: date.now(core.time.wall()), isChunked: isChunked, closes: machine.closesAfterResponse, into: &buffer)
    queued += Int64(buffer.readableBytes)
    meter.send(buffer)
    let loop = context.eventLoop
    let bound = NIOLoopBound((self, context), eventLoop: loop)
    stream.mailbox.tell { loop.execute { bound.value.0.pump(bound.value.1) } }
    if core.isDraining { core.endIfDrained(stream) }
    pump(context)
  }

  /// Writes as much of the stream as the channel takes now.
  func pump(_ context: ChannelHandlerContext) {
    guard streaming != nil, !isSending else { return }
    isSending = true
    var isOver = false
    while !isOver, context.channel.isWritable, streaming != nil {
      if let part = streaming?.current?.next() {
        writeChunk(part, context)
        continue
      }
      switch streaming?.stream.mailbox.take() {
      case .part(let body): streaming?.current = body
      case .end, nil: isOver = true
      case .nothingYet:
        isSending = false
        return watchOutput(context)
      }
    }
    isSending = false
    if isOver { endStream(context) }
    watchOutput(context)
  }

  private func writeChunk(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
    guard streaming?.isChunked == true else {
      queued += Int64(part.readableBytes)
      return meter.send(part)
    }
    var part = part
    var chunk = context.channel.allocator.buffer(capacity: part.readableBytes + 16)
    chunk.writeString(String(part.readableBytes, radix: 16))
    chunk.writeStaticString("\r\n")
    chunk.writeBuffer(&part)
    chunk.writeStaticString("\r\n")
    queued += Int64(chunk.readableBytes)
    meter.send(chunk)
  }

  private func endStream(_ context: ChannelHandlerContext) {
    guard let ended = streaming else { return }
    if ended.isChunked { meter.send(ByteBuffer(string: "0\r\n\r\n")) }
    forgetStream()
    if machine.phase == .responding { responseEnded(context) }
    // While it was written no time was watched.
    arm(context)
  }

  /// The stream is over, or its peer is gone.
  func forgetStream() {
    guard let ended = streaming?.stream else { return }
    streaming = nil
    machine.isStreaming = false
    ended.mailbox.tell(nil)
    core.closed(ended)
    ended.close()
  }
}
