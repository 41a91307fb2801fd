package import WeirCore

/// The usage of one month: a bounded number of rows.
package struct MonthlyUsage: Equatable, Sendable {
  /// When counting began in this month: its start, or later where nothing ran before.
  package private(set) var since: WallTime
  package private(set) var rows: [UsageKey: UsageTally] = [:]

  package init(since: WallTime) {
    self.since = since
  }

  /// Everything together.
  package var total: UsageTally { rows.values.reduce(UsageTally(), +) }

  /// Changes the row of `key`. Names of tools come from upstreams, so tools beyond `limit` rows share one with the others of their tenant,
  /// upstream and provider; beyond twice as many rows everything shares one.
  package mutating func change(_ key: UsageKey, limit: Int, _ body: (inout UsageTally) -> Void) {
    if rows.count < limit {
      body(&rows[key, default: UsageTally()])
    } else {
      body(&rows[room(for: key, limit: limit), default: UsageTally()])
    }
  }

  private func room(for key: UsageKey, limit: Int) -> UsageKey {
    if rows[key] != nil { return key }
    return rows.count < 2 * limit || rows[key.withoutTool] != nil ? key.withoutTool : .rest
  }

  /// Adds what was counted elsewhere for the same month.
  mutating func add(_ other: MonthlyUsage, limit: Int) {
    since = min(since, other.since)
    for (key, tally) in other.rows.sorted(by: { $0.key < $1.key }) { change(key, limit: limit) { $0 = $0 + tally } }
  }
}
