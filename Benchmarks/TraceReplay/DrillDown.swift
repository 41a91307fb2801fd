import WeirCore

/// What a person clicks through after something caught the eye: one question after the other, each about a part of the one before.
struct DrillDown: Sendable {
  /// Where in the bill something is.
  struct Spot: Sendable {
    var account: String
    var service: String
    var region: String
    var team: String

    init(_ company: Company, _ random: inout SeededRandom) {
      account = random.popular(company.accounts)
      service = random.popular(company.services)
      region = random.popular(company.regions)
      team = random.popular(company.teams)
    }
  }

  let spot: Spot
  let ranges: Ranges
  let hand: Handwriting

  /// - Parameter depth: how many steps, of at most six.
  func steps(depth: Int, _ random: inout SeededRandom) -> [Visit.Step] {
    let range = random.popular([ranges.last(30), ranges.last(7), ranges.monthToDate, ranges.last(90)])
    let base = CostQuery(start: range.lowerBound, end: range.upperBound)
    let path = [byAccount, byService, byTeam, byRegion][random.index([4, 3, 2, 1])]
    var steps: [[TraceCall]] = path(base).prefix(depth).map { $0.map { $0.call(hand) } }
    if random.happens(0.25) { steps.insert([.values(of: random.happens(0.5) ? .service : .team, ranges.last(30), hand)], at: 0) }
    if random.happens(0.2) { steps.append([.forecast(ranges.restOfMonth, "MONTHLY", of: (.account, spot.account), hand)]) }
    return steps.map { calls in Visit.Step(pause: .milliseconds(Int(4000 + random.share() * 36_000)), calls: calls) }
  }

  /// This month beside the last.
  private func compared(_ query: CostQuery) -> [CostQuery] {
    [query.during(ranges.monthToDate).monthly(), query.during(ranges.lastMonth).monthly()]
  }

  private func byAccount(_ base: CostQuery) -> [[CostQuery]] {
    let account = base.only(.account, spot.account)
    let service = account.only(.service, spot.service)
    return [
      [account.by(.service)], [service.by(.usageType)], [service.by(.region)], compared(service), [service.during(ranges.last(90))],
      [account.by(.team)],
    ]
  }

  private func byService(_ base: CostQuery) -> [[CostQuery]] {
    let service = base.only(.service, spot.service)
    return [
      [service.by(.account)], [service.by(.region)], [service.only(.account, spot.account)], [service.by(.usageType)], compared(service),
      [service.measuring("UsageQuantity").by(.usageType)],
    ]
  }

  private func byTeam(_ base: CostQuery) -> [[CostQuery]] {
    let team = base.only(.team, spot.team)
    return [
      [team.by(.service)], [team], [team.by(.account)], [team.only(.service, spot.service).by(.usageType)], compared(team), [team.by(.environment)],
    ]
  }

  private func byRegion(_ base: CostQuery) -> [[CostQuery]] {
    let region = base.only(.region, spot.region)
    return [
      [region.by(.service)], [region.only(.service, spot.service).by(.account)], [region.by(.account)], [region.during(ranges.last(7))],
      compared(region), [region.by(.team)],
    ]
  }
}
