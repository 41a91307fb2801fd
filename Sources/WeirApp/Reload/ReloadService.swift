internal import ServiceLifecycle
internal import UnixSignals

/// Reads the configuration again at each SIGHUP, until the process shuts down.
struct ReloadService: Service {
  let reloader: Reloader

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sighup)
    await cancelWhenGracefulShutdown { await reloader.run(at: signals) }
  }
}
