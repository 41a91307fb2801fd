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
