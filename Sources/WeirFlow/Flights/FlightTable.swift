package import WeirCore

/// Which calls are under way and who waits for them: the decisions of single flight, without I/O (design decisions 6 and 13).
///
/// - At most one flight of a key can be joined.
/// - A waiter is handed out for resumption exactly once.
/// - Removing a flight compares its id.
/// - A flight ends at its hard deadline at the latest, whatever its fetch does.
/// - When the last waiter leaves before dispatch, the flight is removed first and then cancelled, so that nobody joins a dying flight; after
///   dispatch it goes on, so that what was paid for reaches the cache.
package struct FlightTable<Key: Hashable & Sendable, Waiter: Sendable, Outcome: Sendable>: Sendable {
  package typealias Listener = @Sendable (CallProgress) -> Void

  package enum Join: Sendable, Equatable {
    /// A new flight: its fetch has to be started.
    case led(FlightID, WaiterID, hardDeadline: Moment)
    case joined(FlightID, WaiterID)
    case refused(CallError)
  }

  /// What has to be done after a departure or a deadline: resume these, with this; cancel the fetches of those.
  package struct Ending: Sendable {
    package var resumptions: [(waiter: Waiter, outcome: Outcome)] = []
    package var cancelled: [FlightID] = []
  }

  private struct Flight: Sendable {
    let key: Key
    let hardDeadline: Moment
    let isRefresh: Bool
    var isDispatched = false
    var waiters: Set<WaiterID> = []
  }

  private struct Caller: Sendable {
    let flight: FlightID
    let deadline: Moment
    let listener: Listener?
  }

  private enum Timer: Hashable, Sendable {
    case waiter(WaiterID)
    case flight(FlightID)
  }

  private let configuration: FlightConfiguration
  private var joinable: [Key: FlightID] = [:]
  private var flights: [FlightID: Flight] = [:]
  private var callers: [WaiterID: Caller] = [:]
  private var slots = WaiterSlots<Waiter, Outcome>()
  private var deadlines = PriorityMap<Timer, Moment>()
  private var tasks: Set<FlightID> = []
  private var nextFlight: UInt64 = 1
  private var totals = FlightStats()

  package init(configuration: FlightConfiguration) {
    self.configuration = configuration
  }

  package var stats: FlightStats {
    var stats = totals
    stats.flights = flights.count
    stats.waiters = callers.count
    stats.tasks = tasks.count
    return stats
  }

  /// When `expire` has something to do next.
  package var nextDeadline: Moment? { deadlines.first?.priority }

  /// True where nothing is kept any more: no flight, no waiter, no outcome that nobody collected.
  package var isEmpty: Bool {
    joinable.isEmpty && flights.isEmpty && callers.isEmpty && slots.count == 0 && deadlines.isEmpty && tasks.isEmpty
  }

  // MARK: Joining

  /// A caller asks for `key`. A deadline that has passed is the caller's business to check before.
  package mutating func join(_ key: Key, deadline: Moment, now: Moment, limit: Duration? = nil, listener: Listener? = nil) -> Join {
    if let id = joinable[key], let flight = flights[id] {
      guard flight.waiters.count < configuration.maximumWaiters else {
        return refuse("\(configuration.maximumWaiters) callers wait for this answer already; try again in a few seconds.")
      }
      totals.joined += 1
      return .joined(id, admit(to: id, deadline: deadline, listener: listener))
    }
    guard let (id, hardDeadline) = start(key, now: now, limit: limit, isRefresh: false) else {
      return refuse("\(configuration.maximumFlights) requests are under way already; try again in a few seconds.")
    }
    totals.led += 1
    return .led(id, admit(to: id, deadline: deadline, listener: listener), hardDeadline: hardDeadline)
  }

  /// Starts a flight that nobody waits for; nil where one of this key is under way, or the bound is reached.
  package mutating func refresh(_ key: Key, now: Moment, limit: Duration? = nil) -> (id: FlightID, hardDeadline: Moment)? {
    guard joinable[key] == nil, let started = start(key, now: now, limit: limit, isRefresh: true) else { return nil }
    totals.refreshed += 1
    return started
  }

  private mutating func refuse(_ message: String) -> Join {
    totals.refused += 1
    return .refused(CallError(.overloaded, message, retryAfter: .seconds(1)))
  }

  private mutating func start(_ key: Key, now: Moment, limit: Duration?, isRefresh: Bool) -> (FlightID, Moment)? {
    guard tasks.count < configuration.maximumFlights else { return nil }
    let id = FlightID(number: nextFlight)
    nextFlight += 1
    let hardDeadline = now + (limit ?? configuration.flightLimit)
    flights[id] = Flight(key: key, hardDeadline: hardDeadline, isRefresh: isRefresh)
    joinable[key] = id
    tasks.insert(id)
    deadlines.insert(.flight(id), hardDeadline)
    return (id, hardDeadline)
  }

  private mutating func admit(to id: FlightID, deadline: Moment, listener: Listener?) -> WaiterID {
    let waiter = slots.open()
    flights[id]?.waiters.insert(waiter)
    callers[waiter] = Caller(flight: id, deadline: deadline, listener: listener)
    if deadline < .distantFuture { deadlines.insert(.waiter(waiter), deadline) }
    return waiter
  }

  /// The caller suspends. - Returns: its outcome where that came first; the waiter is then to be resumed with it.
  package mutating func park(_ id: WaiterID, _ waiter: Waiter) -> Outcome? {
    slots.park(id, waiter)
  }

  // MARK: The fetch speaks

  /// - Returns: false where the flight is over, so that nothing may be sent.
  package mutating func markDispatched(_ id: FlightID) -> Bool {
    guard flights[id] != nil else { return false }
    flights[id]?.isDispatched = true
    return true
  }

  package func isLive(_ id: FlightID) -> Bool { flights[id] != nil }

  package func waitersDeadline(of id: FlightID) -> Moment? {
    guard let flight = flights[id] else { return nil }
    guard !flight.isRefresh else { return flight.hardDeadline }
    let latest = flight.waiters.lazy.compactMap { callers[$0]?.deadline }.max()
    return latest.map { min($0, flight.hardDeadline) } ?? flight.hardDeadline
  }

  /// Who wants to hear of progress now.
  package func listeners(of id: FlightID) -> [Listener] {
    guard let flight = flights[id] else { return [] }
    return flight.waiters.sorted().compactMap { callers[$0]?.listener }
  }

  /// The flight has its outcome. Of a flight that is over already, nothing happens.
  package mutating func finish(_ id: FlightID, _ outcome: Outcome) -> [Waiter] {
    end(id, outcome)
  }

  /// The fetch has returned and its task is gone.
  package mutating func taskEnded(_ id: FlightID) {
    tasks.remove(id)
  }

  // MARK: Leaving and time

  /// A caller goes. One that has its outcome already, or that is unknown, changes nothing.
  package mutating func leave(_ id: WaiterID, _ outcome: Outcome) -> Ending {
    guard callers[id] != nil else { return Ending() }
    totals.left += 1
    return depart(id, outcome)
  }

  /// Ends what is due: waiters whose own deadline passed, and flights that ran into the flight limit with all who wait for them.
  package mutating func expire(now: Moment, waiter: Outcome, flight: Outcome) -> Ending {
    var ending = Ending()
    while let next = deadlines.first, next.priority <= now {
      _ = deadlines.popFirst()
      switch next.id {
      case .waiter(let id):
        totals.waitersTimedOut += 1
        let departure = depart(id, waiter)
        ending.resumptions += departure.resumptions
        ending.cancelled += departure.cancelled
      case .flight(let id):
        totals.flightsTimedOut += 1
        ending.cancelled.append(id)
        ending.resumptions += end(id, flight).map { ($0, flight) }
      }
    }
    return ending
  }

  /// Ends every flight at once.
  package mutating func close(_ outcome: Outcome) -> Ending {
    var ending = Ending()
    for id in Array(flights.keys) {
      ending.cancelled.append(id)
      ending.resumptions += end(id, outcome).map { ($0, outcome) }
    }
    return ending
  }

  private mutating func depart(_ id: WaiterID, _ outcome: Outcome) -> Ending {
    var ending = Ending()
    guard let caller = callers.removeValue(forKey: id) else { return ending }
    deadlines.remove(.waiter(id))
    flights[caller.flight]?.waiters.remove(id)
    if let flight = flights[caller.flight], flight.waiters.isEmpty, !flight.isDispatched, !flight.isRefresh {
      remove(caller.flight, flight)
      totals.abandoned += 1
      ending.cancelled = [caller.flight]
    }
    if case .resume(let waiter) = slots.settle(id, outcome) { ending.resumptions = [(waiter, outcome)] }
    return ending
  }

  private mutating func end(_ id: FlightID, _ outcome: Outcome) -> [Waiter] {
    guard let flight = flights[id] else { return [] }
    remove(id, flight)
    var parked: [Waiter] = []
    parked.reserveCapacity(flight.waiters.count)
    for waiter in flight.waiters.sorted() {
      callers[waiter] = nil
      deadlines.remove(.waiter(waiter))
      if case .resume(let continuation) = slots.settle(waiter, outcome) { parked.append(continuation) }
    }
    return parked
  }

  private mutating func remove(_ id: FlightID, _ flight: Flight) {
    flights[id] = nil
    deadlines.remove(.flight(id))
    if joinable[flight.key] == id { joinable[flight.key] = nil }
  }
}
