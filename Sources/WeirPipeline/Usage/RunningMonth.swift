internal import WeirCore

/// The month that is counted in, with its bounds, so that counting does no calendar.
struct RunningMonth {
  let month: UsageMonth
  /// Counted since it was last saved.
  var usage: MonthlyUsage
  private let start: WallTime
  private let end: WallTime

  /// - Parameter started: when the process began to count.
  init(_ now: WallTime, since started: WallTime) {
    month = UsageMonth(now)
    start = month.start
    end = month.end
    usage = MonthlyUsage(since: min(now, max(start, started)))
  }

  func contains(_ now: WallTime) -> Bool { start <= now && now < end }
}
