import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A real TCP server on loopback whose every byte is the test's. It reads requests and leaves the answers, however odd, to a script that
/// runs on the connection's event loop.
final class ScriptedServer: Sendable {
  typealias Script = @Sendable (ReceivedRequest, Connection) -> Void

  private struct Counts {
    var opened = 0
    var closed = 0
    var requests: [ReceivedRequest] = []
    var waiters: [(isMet: @Sendable (Int, Int, Int) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let counts = NIOLockedValueBox(Counts())
  private let listener: NIOLockedValueBox<(any Channel)?> = NIOLockedValueBox(nil)

  var port: Int { listener.withLockedValue { $0?.localAddress?.port } ?? 0 }
  var url: String { "http://127.0.0.1:\(port)/mcp" }
  var connectionsOpened: Int { counts.withLockedValue { $0.opened } }
  var connectionsClosed: Int { counts.withLockedValue { $0.closed } }
  var requests: [ReceivedRequest] { counts.withLockedValue { $0.requests } }

  /// Runs `body` with a listening server, then closes it and every connection.
  /// - Parameter greeting: sent to whoever connects, asked or not.
  static func run<R>(
    greeting: String = "", _ script: @escaping Script, body: (ScriptedServer) async throws -> R
  ) async throws -> R {
    let server = ScriptedServer()
    let group = MultiThreadedEventLoopGroup.singleton
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(RequestReader(server, greeting, script)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    server.listener.withLockedValue { $0 = channel }
    do {
      let result = try await body(server)
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }

  func opened() { change { $0.opened += 1 } }
  func closed() { change { $0.closed += 1 } }
  func received(_ request: ReceivedRequest) { change { $0.requests.append(request) } }

  /// Returns as soon as so many connections have been closed since the start.
  func connectionsClosed(atLeast count: Int) async {
    await wait { _, closed, _ in closed >= count }
  }

  /// Returns as soon as so many requests have come in since the start.
  func requests(atLeast count: Int) async {
    await wait { _, _, requests in requests >= count }
  }

  /// Returns as soon as no connection is open.
  func allClosed() async {
    await wait { opened, closed, _ in opened == closed }
  }

  private func change(_ mutate: (inout Counts) -> Void) {
    let due = counts.withLockedValue { counts in
      mutate(&counts)
      let (opened, closed, requests) = (counts.opened, counts.closed, counts.requests.count)
      let due = counts.waiters.filter { $0.isMet(opened, closed, requests) }
      counts.waiters.removeAll { $0.isMet(opened, closed, requests) }
      return due
    }
    for waiter in due { waiter.continuation.resume() }
  }

  private func wait(_ isMet: @escaping @Sendable (Int, Int, Int) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isMetAlready = counts.withLockedValue { counts in
        if isMet(counts.opened, counts.closed, counts.requests.count) { return true }
        counts.waiters.append((isMet, continuation))
        return false
      }
      if isMetAlready { continuation.resume() }
    }
  }
}
