import NIOCore

/// Stands before the HTTP parser: counts the bytes that come in, and is the way out for answers that need no encoder.
final class RawMeter: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var context: ChannelHandlerContext?
  var onBytes: ((Int) -> Void)?

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    onBytes = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    onBytes?(unwrapInboundIn(data).readableBytes)
    context.fireChannelRead(data)
  }

  /// Writes and flushes past every other handler.
  func send(_ buffer: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(buffer), promise: nil) }
}
