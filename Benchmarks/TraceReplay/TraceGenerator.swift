import WeirCore

/// Makes a week: 25 people of four tenants and five agents, from Monday to Sunday, times in UTC. The same seed makes the same week.
///
/// - Every weekday people open the overview and their unit's dashboard within minutes of 9:00, about half again at 11:30, 14:00 and 16:30; three further
///   dashboards are opened now and then.
/// - People go into what they saw, one to three times a day; half of that is about the day's topic, since a spike is everybody's.
/// - Agents answer six to ten questions each on weekdays, with 20 to 70 calls, and each writes a report every morning, weekends too. Three of
///   them have all calls of a step under way at once, as clients do with the calls of one message of a model; the others ten and twenty.
/// - People look up a few prices.
struct TraceGenerator {
  private static let people = [("finance", 5), ("platform", 7), ("data", 6), ("product", 7)]
  private static let agents = ["finance", "platform", "platform", "data", "product"]

  private let company: Company
  private let start: CivilDate
  private var random: SeededRandom
  private var callers: [Caller] = []
  private var visits: [Visit] = []
  /// The index of each agent, and what it reports every day.
  private var agents: [(index: Int, width: Int, report: Question.Template)] = []
  private var peopleCount = 0

  /// - Parameter start: the first day, a Monday.
  static func week(of company: Company, start: CivilDate, seed: UInt64) -> Trace {
    var generator = TraceGenerator(company: company, start: start, seed: seed)
    for day in 0..<7 {
      if day < 5 {
        generator.addDashboards(day)
        generator.addDrillDowns(day)
        generator.addQuestions(day)
        generator.addPrices(day)
      }
      generator.addReports(day)
    }
    return Trace(start: start, callers: generator.callers, visits: generator.visits.sorted { $0.start < $1.start })
  }

  private init(company: Company, start: CivilDate, seed: UInt64) {
    self.company = company
    self.start = start
    self.random = SeededRandom(seed: seed)
    for (tenant, count) in Self.people {
      for number in 1...count { callers.append(Caller(name: "person-\(number)", tenant: tenant, hand: Handwriting(&random))) }
    }
    peopleCount = callers.count
    let reports: [Question.Template] = [.perAccount, .perTeam, .perService, .comparison, .perRegionAndMetric]
    for (number, tenant) in Self.agents.enumerated() {
      agents.append((callers.count, [10, 20, 70, 70, 70][number], reports[number]))
      callers.append(Caller(name: "agent-\(number + 1)", tenant: tenant, hand: Handwriting(&random)))
    }
  }

  private func ranges(_ day: Int) -> Ranges { Ranges(today: start + day) }

  private mutating func add(_ kind: Visit.Kind, by caller: Int, day: Int, hour: Double, _ steps: [Visit.Step]) {
    let start = Duration.milliseconds(day * 86_400_000 + Int(min(max(hour, 0), 23.5) * 3_600_000))
    visits.append(Visit(kind: kind, caller: caller, start: start, steps: steps.filter { !$0.calls.isEmpty }))
  }

  private mutating func addDashboards(_ day: Int) {
    let boards = Boards(company: company, hand: .plain)
    let today = start + day
    for person in 0..<peopleCount {
      for (hour, probability) in [(9.0, 0.95), (11.5, 0.5), (14.0, 0.6), (16.5, 0.5)] where random.happens(probability) {
        let steps = [boards.overview(today), boards.unit(person % 6, today)].map { Visit.Step(pause: .seconds(8), calls: $0, width: 6) }
        add(.dashboard, by: person, day: day, hour: random.around(hour, spread: hour == 9 ? 0.08 : 1), steps)
      }
      if random.happens(0.4) {
        let board = [boards.services, boards.teams, boards.regions][random.index([3, 2, 1])](today)
        add(.dashboard, by: person, day: day, hour: random.around(13, spread: 4), [Visit.Step(pause: .zero, calls: board, width: 6)])
      }
    }
  }

  private mutating func addDrillDowns(_ day: Int) {
    let topic = DrillDown.Spot(company, &random)
    for person in 0..<peopleCount {
      for _ in 0..<random.number(1...3) {
        let spot = random.happens(0.5) ? topic : DrillDown.Spot(company, &random)
        let drillDown = DrillDown(spot: spot, ranges: ranges(day), hand: callers[person].hand)
        add(.drillDown, by: person, day: day, hour: random.around(13, spread: 4.5), drillDown.steps(depth: random.number(3...6), &random))
      }
    }
  }

  private mutating func addQuestions(_ day: Int) {
    for agent in agents {
      let question = Question(company: company, ranges: ranges(day), hand: callers[agent.index].hand, width: agent.width)
      for _ in 0..<random.number(6...10) {
        let template = Question.Template.allCases[random.index(Question.Template.weights)]
        add(.question, by: agent.index, day: day, hour: random.around(13, spread: 4.5), question.steps(template, &random))
      }
    }
  }

  private mutating func addReports(_ day: Int) {
    for (number, agent) in agents.enumerated() {
      let question = Question(company: company, ranges: ranges(day), hand: callers[agent.index].hand, width: agent.width)
      // The same questions every day.
      var own = SeededRandom(seed: UInt64(number) + 7)
      add(.report, by: agent.index, day: day, hour: 6.5 + Double(number) / 6, question.steps(agent.report, &own))
    }
  }

  private mutating func addPrices(_ day: Int) {
    for person in 0..<peopleCount where random.happens(0.4) {
      let step = Visit.Step(pause: .zero, calls: Question.lookUp(company, &random))
      add(.prices, by: person, day: day, hour: random.around(13, spread: 4.5), [step])
    }
  }
}
