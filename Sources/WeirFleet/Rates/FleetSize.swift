internal import WeirCore

/// How many replicas there are, or were a moment ago: the roster, which a Redis that forgot everything has to learn again.
struct FleetSize: Sendable {
  private static let memory = Duration.seconds(15)
  private var counts: [(count: Int, at: Moment)] = []

  /// - Returns: the most that was seen lately, this time included.
  mutating func update(_ count: Int, now: Moment) -> Int {
    counts.removeAll { now - $0.at > Self.memory || $0.count <= count }
    counts.append((max(1, count), now))
    return counts.map(\.count).max() ?? 1
  }
}
