/// What a flight did about those of other replicas: the label of `weir_fleet_flights_total`.
enum FleetFlightEnd: String, CaseIterable {
  /// It asked, for all.
  case led
  /// Another asked.
  case followed
  /// It asked by itself, since Redis said nothing.
  case local
  /// It asked by itself, since the answer is not for others.
  case unshared
  /// Its answer came when the lease was another's, or the key had been removed.
  case leaseLost = "lease_lost"
  /// Others asked for too long.
  case timedOut = "timed_out"
  /// It was over before there was an answer.
  case left = "abandoned"
}

/// Why a flight that follows looked again: the label of `weir_fleet_wakeups_total`.
enum FleetWakeUp: String, CaseIterable {
  case message = "pubsub"
  case look = "poll"
}
