import WeirCore

/// What an agent does with a question: it looks up names, asks for each of them by itself, and goes into what came out.
struct Question: Sendable {
  enum Template: CaseIterable, Sendable {
    case perAccount, perService, perTeam, perRegionAndMetric, perMonth, perDay, comparison, accountsByServices, prices

    /// How often people ask so.
    static let weights: [Double] = [5, 4, 4, 2, 3, 2, 3, 2, 2]
  }

  let company: Company
  let ranges: Ranges
  let hand: Handwriting
  /// Calls that the agent has under way at once.
  let width: Int

  func steps(_ template: Template, _ random: inout SeededRandom) -> [Visit.Step] {
    let range = random.popular([ranges.last(30), ranges.monthToDate, ranges.last(7), ranges.lastMonth, ranges.last(90)])
    let metric = ["UnblendedCost", "AmortizedCost", "NetUnblendedCost"][random.index([7, 2, 1])]
    let base = CostQuery(start: range.lowerBound, end: range.upperBound, metrics: [metric])
    let calls: [[TraceCall]] =
      switch template {
      case .perAccount: [names(.account)] + perAccount(base, &random)
      case .perService: [names(.service)] + perService(base, &random)
      case .perTeam: [names(.team), perTeam(base)]
      case .perRegionAndMetric: [names(.region), perRegionAndMetric(base)]
      case .perMonth: [perMonth(base, &random)]
      case .perDay: [perDay(base, &random)]
      case .comparison: [names(.account), comparison(base, &random)]
      case .accountsByServices: [accountsByServices(base, &random)]
      case .prices: [prices(&random)]
      }
    return calls.map { Visit.Step(pause: .milliseconds(Int(2000 + random.share() * 6000)), calls: $0, width: width) }
  }

  private func names(_ field: Field) -> [TraceCall] { [.values(of: field, ranges.last(30), hand)] }

  private func perAccount(_ base: CostQuery, _ random: inout SeededRandom) -> [[TraceCall]] {
    let base = random.happens(0.5) ? base.by(.service) : base
    let closer = (0..<3).map { _ in base.only(.account, random.popular(company.accounts)).by(.usageType) }
    return [company.accounts.map { base.only(.account, $0).call(hand) }, closer.map { $0.call(hand) }]
  }

  private func perService(_ base: CostQuery, _ random: inout SeededRandom) -> [[TraceCall]] {
    let base = random.happens(0.4) ? base.by(.account) : base
    let closer = (0..<3).map { _ in base.only(.service, random.popular(company.services)).by(.region) }
    return [company.services.map { base.only(.service, $0).call(hand) }, closer.map { $0.call(hand) }]
  }

  private func perTeam(_ base: CostQuery) -> [TraceCall] {
    [ranges.monthToDate, ranges.lastMonth].flatMap { range in
      company.teams.map { base.during(range).monthly().only(.team, $0).call(hand) }
    }
  }

  private func perRegionAndMetric(_ base: CostQuery) -> [TraceCall] {
    company.regions.flatMap { region in
      ["UnblendedCost", "AmortizedCost", "NetUnblendedCost", "UsageQuantity"].map { base.only(.region, region).measuring($0).call(hand) }
    }
  }

  private func perMonth(_ base: CostQuery, _ random: inout SeededRandom) -> [TraceCall] {
    let base = random.happens(0.5) ? base.by(.service) : base.only(.account, random.popular(company.accounts)).by(.service)
    return ranges.months(12).flatMap { month in
      ["UnblendedCost", "AmortizedCost"].map { base.during(month).monthly().measuring($0).call(hand) }
    }
  }

  private func perDay(_ base: CostQuery, _ random: inout SeededRandom) -> [TraceCall] {
    let base = random.happens(0.5) ? base.by(.service) : base.by(.account)
    return (1...30).reversed().map { age in base.during((ranges.today - age)..<(ranges.today - age + 1)).call(hand) }
  }

  private func comparison(_ base: CostQuery, _ random: inout SeededRandom) -> [TraceCall] {
    let base = random.happens(0.5) ? base.by(.service) : base
    return company.accounts.prefix(30).flatMap { account in
      [ranges.monthToDate, ranges.lastMonth].map { base.during($0).monthly().only(.account, account).call(hand) }
    }
  }

  private func accountsByServices(_ base: CostQuery, _ random: inout SeededRandom) -> [TraceCall] {
    let unit = company.units[random.number(0...5)]
    let services = company.services.shuffled(using: &random).prefix(6)
    return unit.flatMap { account in services.map { base.only(.account, account).only(.service, $0).call(hand) } }
  }

  private static let instances = [
    "m5.large", "m5.xlarge", "c6g.xlarge", "c7g.large", "r6g.large", "r6g.2xlarge", "t4g.medium", "m7i.large", "g5.xlarge", "i4i.large",
  ]

  private func prices(_ random: inout SeededRandom) -> [TraceCall] {
    let instances = Self.instances.shuffled(using: &random).prefix(random.number(4...10))
    return company.places.flatMap { region in instances.map { Self.price(of: $0, in: region) } }
  }

  /// A few prices that a person looks up, each in the regions of interest.
  static func lookUp(_ company: Company, _ random: inout SeededRandom) -> [TraceCall] {
    let instance = random.popular(instances)
    return company.places.shuffled(using: &random).prefix(random.number(2...5)).map { price(of: instance, in: $0) }
  }

  private static func price(of instance: String, in region: String) -> TraceCall {
    .price("AmazonEC2", region: region, [("instanceType", instance), ("operatingSystem", "Linux")])
  }
}
