internal import WeirCache
internal import WeirCore
internal import WeirFlow

extension Fetch {
  /// Flights that are waited for by one call, where each brings what was purged before the call came.
  private static let mostFlights = 4

  /// The flight of a call, or that of an identical call which is under way.
  func join(_ missed: Missed, deadline: Moment, onProgress: (@Sendable (CallProgress) -> Void)?) async -> FlightResult<Fetched> {
    await join(
      missed.key, of: missed.permitted.scopes, deadline: deadline, limit: limit(missed), onProgress: onProgress
    ) { await fly(missed, $0) }
  }

  /// The same for any fetch. What an earlier call's flight brings is no answer where it was purged before this call came.
  func join(
    _ key: CacheKey, of scopes: PurgeScopes, deadline: Moment, limit: Duration, onProgress: (@Sendable (CallProgress) -> Void)?,
    _ fly: @escaping Flights<CacheKey, Fetched>.Fetch
  ) async -> FlightResult<Fetched> {
    let came = cache.purges.generation
    var flown = await flights.join(key, deadline: deadline, limit: limit, onProgress: onProgress, fetch: fly)
    for _ in 1..<Self.mostFlights where isPurged(flown, key, scopes, before: came) {
      flown = await flights.join(key, deadline: deadline, limit: limit, onProgress: onProgress, fetch: fly)
    }
    guard isPurged(flown, key, scopes, before: came) else { return flown }
    let error = CallError(.overloaded, "The answer was purged while it was fetched; try again.", retryAfter: .seconds(1))
    return FlightResult(result: .failure(error), role: flown.role)
  }

  private func isPurged(_ flown: FlightResult<Fetched>, _ key: CacheKey, _ scopes: PurgeScopes, before came: UInt64) -> Bool {
    guard flown.role == .joined, case .success(let fetched) = flown.result, fetched.stamp.generation < came else { return false }
    return cache.purges.covers(fetched.stamp, key, scopes)
  }
}
