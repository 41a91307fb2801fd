internal import ServiceLifecycle
internal import WeirFleet
internal import WeirFlow

/// Takes part in the fleet until the process shuts down, and says goodbye then.
struct FleetService: Service {
  let fleet: Fleet
  /// Those that run at the end.
  let rates: @Sendable () -> [(lane: Lane, rate: SharedRate)]

  func run() async throws {
    await cancelWhenGracefulShutdown { await fleet.run() }
    for (lane, rate) in rates() { await rate.leave(lane) }
    await fleet.leave()
  }
}
