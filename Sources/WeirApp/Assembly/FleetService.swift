internal import ServiceLifecycle
internal import WeirFleet

/// Takes part in the fleet until the process shuts down, and says goodbye then.
struct FleetService: Service {
  let fleet: Fleet

  func run() async throws {
    await cancelWhenGracefulShutdown { await fleet.run() }
    await fleet.leave()
  }
}
