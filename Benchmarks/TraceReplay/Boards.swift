import WeirCore

/// Ranges as people ask for them, relative to the day on which they ask. Today itself is left out: its numbers have not arrived.
struct Ranges: Sendable {
  let today: CivilDate

  func last(_ days: Int) -> Range<CivilDate> { (today - days)..<today }
  /// The running month until now; on its first day the month before.
  var monthToDate: Range<CivilDate> { today == today.firstOfMonth ? lastMonth : today.firstOfMonth..<today }
  var lastMonth: Range<CivilDate> { today.firstOfPreviousMonth..<today.firstOfMonth }
  var restOfMonth: Range<CivilDate> { today..<today.firstOfNextMonth }
  var lastYear: Range<CivilDate> { months(12).first!.lowerBound..<today.firstOfMonth }

  /// The last months that are over, each by itself, oldest first; at least one.
  func months(_ count: Int) -> [Range<CivilDate>] {
    var months: [Range<CivilDate>] = []
    var end = today.firstOfMonth
    for _ in 0..<max(1, count) {
      let start = (end - 1).firstOfMonth
      months.insert(start..<end, at: 0)
      end = start
    }
    return months
  }
}

/// Dashboards that the team has saved: everybody who opens one sends the same texts, those of whoever saved it.
struct Boards: Sendable {
  let company: Company
  let hand: Handwriting

  private func query(_ range: Range<CivilDate>) -> CostQuery { CostQuery(start: range.lowerBound, end: range.upperBound) }

  /// What the whole team looks at first.
  func overview(_ today: CivilDate) -> [TraceCall] {
    let ranges = Ranges(today: today)
    let queries = [
      query(ranges.monthToDate).monthly().by(.service),
      query(ranges.monthToDate).monthly().by(.account),
      query(ranges.last(7)),
      query(ranges.last(30)).by(.service),
      query(ranges.last(90)),
      query(ranges.lastMonth).monthly().by(.service),
      query(ranges.lastYear).monthly(),
      query(ranges.monthToDate).monthly().by(.team),
      query(ranges.monthToDate).monthly().by(.region),
      query(ranges.last(30)).by(.stage),
      query(ranges.monthToDate).measuring("UnblendedCost", "AmortizedCost"),
    ]
    return queries.map { $0.call(hand) } + [.forecast(ranges.restOfMonth, "MONTHLY", hand)]
  }

  /// One business unit: its sums, and a tile for each of its accounts.
  func unit(_ unit: Int, _ today: CivilDate) -> [TraceCall] {
    let ranges = Ranges(today: today)
    let accounts = company.units[unit]
    let sums = [
      query(ranges.last(30)).by(.service), query(ranges.monthToDate).monthly().by(.account), query(ranges.last(90)),
      query(ranges.lastMonth).monthly().by(.service), query(ranges.last(7)).by(.region), query(ranges.monthToDate).monthly().by(.team),
    ]
    let tiles = accounts.map { query(ranges.last(30)).only(.account, $0) }
    return (sums.map { $0.only(.account, accounts) } + tiles).map { $0.call(hand) }
  }

  /// A tile for each of the ten largest services, and the sum of them all.
  func services(_ today: CivilDate) -> [TraceCall] {
    let ranges = Ranges(today: today)
    let tiles = company.services.prefix(10).map { query(ranges.last(30)).only(.service, $0) }
    return (tiles + [query(ranges.last(90)).by(.service), query(ranges.monthToDate).monthly().by(.service)]).map { $0.call(hand) }
  }

  /// What each team has spent this month, by environment.
  func teams(_ today: CivilDate) -> [TraceCall] {
    let ranges = Ranges(today: today)
    let tiles = company.teams.map { query(ranges.monthToDate).monthly().by(.environment).only(.team, $0) }
    return (tiles + [query(ranges.last(30)).by(.team)]).map { $0.call(hand) }
  }

  /// Regions by service.
  func regions(_ today: CivilDate) -> [TraceCall] {
    let ranges = Ranges(today: today)
    let tiles = company.regions.map { query(ranges.last(30)).by(.service).only(.region, $0) }
    return (tiles + [query(ranges.monthToDate).monthly().by(.region), query(ranges.last(90)).by(.region)]).map { $0.call(hand) }
  }
}
