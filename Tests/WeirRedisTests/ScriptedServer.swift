import NIOCore
import NIOPosix
import WeirRedis

/// A TCP server that answers RESP commands as a test says.
final class ScriptedServer: Sendable {
  enum Action: Sendable {
    case reply([UInt8])
    case silence
    case close(after: [UInt8])
  }

  /// The number of the connection, and the command.
  typealias Script = @Sendable (Int, [String]) -> Action

  let port: Int
  private let channel: any Channel

  private init(channel: any Channel) {
    self.channel = channel
    port = channel.localAddress?.port ?? 0
  }

  static func with(_ script: @escaping Script, _ body: (ScriptedServer) async throws -> Void) async throws {
    let counter = ConnectionCounter()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(connection: counter.next(), script: script))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let server = ScriptedServer(channel: channel)
    do {
      try await body(server)
      try await channel.close()
    } catch {
      try? await channel.close()
      throw error
    }
  }

  var url: String { "redis://127.0.0.1:\(port)" }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Int
    private let script: Script
    private var decoder = RESPDecoder()

    init(connection: Int, script: @escaping Script) {
      self.connection = connection
      self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var commands: [RedisReply] = []
      let failed = unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
        do throws(RedisError) { try decoder.feed(bytes, into: &commands) } catch { return true }
        return false
      }
      if failed { return context.close(promise: nil) }
      for case .array(let words) in commands {
        let text = words.map { word in
          if case .bulk(let bytes?) = word { String(decoding: bytes, as: UTF8.self) } else { "" }
        }
        switch script(connection, text) {
        case .silence: break
        case .reply(let bytes): context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        case .close(let bytes):
          context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
          context.close(promise: nil)
        }
      }
    }
  }
}
