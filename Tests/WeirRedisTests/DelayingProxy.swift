import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Stands between client and server, passes everything on in order but late and in other pieces, and can go silent.
final class DelayingProxy: Sendable {
  let port: Int
  private let channel: any Channel

  private init(channel: any Channel) {
    self.channel = channel
    port = channel.localAddress?.port ?? 0
  }

  /// - Parameter delay: For each piece, in microseconds.
  static func with(
    upstream: Int, delay: ClosedRange<Int64>, host: String = "127.0.0.1", isSilent: NIOLockedValueBox<Bool> = NIOLockedValueBox(false),
    _ body: (DelayingProxy) async throws -> Void
  ) async throws {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { inner in
        ClientBootstrap(group: inner.eventLoop)
          .channelInitializer { outer in
            outer.eventLoop.makeCompletedFuture {
              try outer.pipeline.syncOperations.addHandler(Forwarder(to: inner, delay: delay, isSilent: isSilent))
            }
          }
          .connect(host: "127.0.0.1", port: upstream)
          .flatMapThrowing { outer in
            try inner.pipeline.syncOperations.addHandler(Forwarder(to: outer, delay: delay, isSilent: isSilent))
          }
      }
      .bind(host: host, port: 0).get()
    do {
      try await body(DelayingProxy(channel: channel))
      try await channel.close()
    } catch {
      try? await channel.close()
      throw error
    }
  }

  var url: String { "redis://127.0.0.1:\(port)" }

  private final class Forwarder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let peer: any Channel
    private let delay: ClosedRange<Int64>
    private let isSilent: NIOLockedValueBox<Bool>
    private var last = NIODeadline.uptimeNanoseconds(0)

    init(to peer: any Channel, delay: ClosedRange<Int64>, isSilent: NIOLockedValueBox<Bool>) {
      self.peer = peer
      self.delay = delay
      self.isSilent = isSilent
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      if isSilent.withLockedValue({ $0 }) { return }
      var buffer = unwrapInboundIn(data)
      while buffer.readableBytes > 0, let piece = buffer.readSlice(length: .random(in: 1...buffer.readableBytes)) {
        last = max(last + .nanoseconds(1), .now() + .microseconds(.random(in: delay)))
        peer.eventLoop.scheduleTask(deadline: last) { [peer] in peer.writeAndFlush(piece, promise: nil) }
      }
    }

    func channelInactive(context: ChannelHandlerContext) {
      peer.close(promise: nil)
    }
  }
}
