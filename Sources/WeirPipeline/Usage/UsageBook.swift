/// Usage by month, as plain values: what a ledger holds, and what its file says.
package struct UsageBook: Equatable, Sendable {
  /// Rows of a month that each have their own tool.
  package static let rowLimit = 4096
  /// Months that are kept: the running one and a year before it.
  package static let monthLimit = 13

  package private(set) var months: [UsageMonth: MonthlyUsage] = [:]
  private let rowLimit: Int

  package init(rowLimit: Int = rowLimit) {
    self.rowLimit = rowLimit
  }

  package var isEmpty: Bool { months.isEmpty }

  /// Adds what was counted elsewhere for a month. The month with the oldest name of the others goes where there are too many.
  package mutating func add(_ usage: MonthlyUsage, to month: UsageMonth) {
    if months[month] == nil {
      while months.count >= Self.monthLimit, let oldest = months.keys.min() { months[oldest] = nil }
      months[month] = MonthlyUsage(since: usage.since)
    }
    months[month]?.add(usage, limit: rowLimit)
  }

  /// Adds what another book counted.
  package mutating func add(_ other: UsageBook) {
    for (month, usage) in other.months.sorted(by: { $0.key < $1.key }) { add(usage, to: month) }
  }
}
