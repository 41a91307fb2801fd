internal import ServiceLifecycle

/// A component that runs until it is cancelled, as a service that ends when the process shuts down.
struct BackgroundService: Service {
  let body: @Sendable () async -> Void

  init(_ body: @escaping @Sendable () async -> Void) {
    self.body = body
  }

  func run() async throws {
    await cancelWhenGracefulShutdown { await self.body() }
  }
}

/// A component that finishes what it has begun when its service stops: `close` tells it to, and `body` ends by itself.
struct DrainingService: Service {
  let body: @Sendable () async -> Void
  let close: @Sendable () -> Void

  func run() async throws {
    await withGracefulShutdownHandler {
      await body()
    } onGracefulShutdown: {
      close()
    }
  }
}
