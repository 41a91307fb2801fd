import NIOCore

/// Cuts what arrives on a connection into requests and runs the script for each.
final class RequestReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let server: ScriptedServer
  private let greeting: String
  private let script: ScriptedServer.Script
  private var buffer = ByteBuffer()
  private var number = 0

  init(_ server: ScriptedServer, _ greeting: String, _ script: @escaping ScriptedServer.Script) {
    self.server = server
    self.greeting = greeting
    self.script = script
  }

  func channelActive(context: ChannelHandlerContext) {
    server.opened()
    if !greeting.isEmpty { Connection(context.channel).send(greeting) }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    server.closed()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    buffer.writeImmutableBuffer(unwrapInboundIn(data))
    while let request = ReceivedRequest.take(from: &buffer, number: number) {
      number += 1
      server.received(request)
      script(request, Connection(context.channel))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
