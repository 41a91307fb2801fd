import Testing
import WeirCore
import WeirFlow

/// A lane's machine with its clock, and what it did so far.
struct Rig {
  var machine: LaneMachine
  var now = Moment.seconds(1000)
  var wall = WallTime(milliseconds: 1_795_392_000_000)
  var granted: [WaiterID] = []
  /// Whom each of them took along.
  var parties: [WaiterID: [WaiterID]] = [:]
  var carried: [WaiterID] = []
  var refused: [WaiterID: CallError] = [:]
  var notices: [BudgetNotice] = []
  var timer: Moment?
  /// How often the fleet was to be asked for more of a budget.
  var claims = 0
  let ids = WaiterIDs()

  init(_ configuration: LaneConfiguration) { machine = LaneMachine(configuration) }

  var stats: LaneStats { machine.stats(now: now, wall: wall) }

  @discardableResult
  mutating func enqueue(
    _ tenant: Name = "a", cost: Int = 1, price: MicroUSD = .zero, within: Duration = .seconds(3600), company: Companion? = nil,
    linger: Duration = .zero
  ) -> WaiterID {
    let id = ids.next()
    let request = LaneRequest(tenant: tenant, cost: cost, price: price, deadline: now + within, company: company, linger: linger)
    take(machine.enqueue(id, request, now: now, wall: wall))
    return id
  }

  mutating func cancel(_ id: WaiterID) -> Bool { machine.cancel(id) }

  mutating func send(_ id: WaiterID) { machine.sent(id, now: now, wall: wall) }

  mutating func release(_ id: WaiterID, _ outcome: LaneOutcome = .answeredOnce) {
    take(machine.released(id, outcome, jitter: 0, now: now, wall: wall))
  }

  mutating func advance(_ duration: Duration) {
    now = now + duration
    wall = wall + duration
    take(machine.timer(now: now, wall: wall))
  }

  mutating func close() { take(machine.close()) }

  mutating func take(_ actions: [LaneAction]) {
    for action in actions {
      switch action {
      case .grant(let id, _, let party):
        granted.append(id)
        parties[id] = party?.members.map(\.id) ?? []
      case .carry(let id, _):
        #expect(!carried.contains(id))
        carried.append(id)
      case .refuse(let id, let error):
        #expect(refused[id] == nil)
        refused[id] = error
      case .setTimer(let moment): timer = moment
      case .report(let notice): notices.append(notice)
      case .claim: claims += 1
      }
    }
  }
}
