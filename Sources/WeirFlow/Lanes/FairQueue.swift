internal import DequeModule
package import WeirCore

/// Requests of many tenants waiting for one provider: deficit round robin across tenants (Shreedhar and Varghese, 1995), the earliest deadline
/// first within a tenant.
///
/// A tenant with one request waits for at most one round, however many another one has queued. What may leave with others (design decision
/// 10) first lingers, outside of its tenant's line, and is known by its group all the time that it waits: whoever is served takes its
/// company out by `remove`, wherever it stands, and no tenant pays for being taken along.
package struct FairQueue: Sendable {
  package struct Entry: Sendable, Equatable {
    package let id: WaiterID
    package let request: LaneRequest
    package let enqueuedAt: Moment
    let rank: FairRank
    let group: LaneGroup?

    /// No two entries have the same id.
    package static func == (left: Entry, right: Entry) -> Bool { left.id == right.id }
  }

  package enum Refusal: Sendable, Equatable {
    case queueFull
    case tenantFull
  }

  /// The requests of one tenant that wait for its turns.
  fileprivate struct Line: Sendable {
    var order = PriorityMap<WaiterID, FairRank>()
    /// How many turns and tokens the line will probably take: requests of one group count as one.
    var turns = 0
    var cost = 0
    var groups: [LaneGroup: (count: Int, cost: Int)] = [:]
    var deficit = 0
    let weight: Int
  }

  package static let heaviestWeight = 1000

  private let totalLimit: Int
  private let tenantLimit: Int
  private let weights: [Name: Int]
  /// Everybody who waits, in line or lingering.
  private var entries: [WaiterID: Entry] = [:]
  private var waiting: [Name: Int] = [:]
  private var deadlines = PriorityMap<WaiterID, Moment>()
  private var companions = CompanyIndex()
  /// Who lingers, and until when.
  private var lingering = PriorityMap<WaiterID, Moment>()
  private var lines: [Name: Line] = [:]
  /// Whose turn it is, first to last. A tenant whose requests were all removed stays until its turn comes.
  private var ring: Deque<Name> = []
  /// What the first of the ring got for this turn; nil: nothing yet.
  private var credit: Int?
  /// No smaller than any cost, so that every tenant is served at its turn.
  private var quantum = 1
  private var number: UInt64 = 0

  package init(totalLimit: Int, tenantLimit: Int, weights: [Name: Int] = [:]) {
    self.totalLimit = totalLimit
    self.tenantLimit = tenantLimit
    self.weights = weights.mapValues { min(max(1, $0), Self.heaviestWeight) }
  }

  /// Everybody who waits, in line or lingering; so the numbers and bounds below.
  package var count: Int { entries.count }
  package var isEmpty: Bool { entries.isEmpty }
  package var countByTenant: [Name: Int] { waiting }
  package var nextDeadline: Moment? { deadlines.first?.priority }
  package var nextLingerEnd: Moment? { lingering.first?.priority }

  // MARK: In

  /// - Parameter lingersUntil: when it joins its tenant's line; nil: at once.
  package mutating func enqueue(_ id: WaiterID, _ request: LaneRequest, lingersUntil: Moment? = nil, now: Moment) -> Refusal? {
    guard entries.count < totalLimit else { return .queueFull }
    let tenant = request.tenant
    guard waiting[tenant, default: 0] < tenantLimit else { return .tenantFull }
    let entry = entry(id, request, now: now)
    let rank = entry.rank
    entries[id] = entry
    waiting[tenant, default: 0] += 1
    if request.deadline < .distantFuture { deadlines.insert(id, request.deadline) }
    if let group = entry.group { companions.insert(.init(id: id, rank: rank), of: tenant, in: group) }
    if let lingersUntil { lingering.insert(id, lingersUntil) } else { join(entry) }
    return nil
  }

  /// Nobody waits, and somebody might.
  var isFree: Bool { entries.isEmpty && totalLimit > 0 && tenantLimit > 0 }

  /// What `enqueue` and `popHead` make of a request where `isFree`.
  mutating func entry(_ id: WaiterID, _ request: LaneRequest, now: Moment) -> Entry {
    number += 1
    quantum = max(quantum, request.cost)
    return Entry(
      id: id, request: request, enqueuedAt: now, rank: FairRank(deadline: request.deadline, number: number), group: request.company?.group)
  }

  /// Whoever has lingered until `moment`, the first first; it lingers on until `endLinger`.
  package func lingered(until moment: Moment) -> Entry? {
    guard let next = lingering.first, next.priority <= moment else { return nil }
    return entries[next.id]
  }

  /// Puts a lingering entry into its tenant's line, at its place.
  package mutating func endLinger(_ id: WaiterID) {
    guard lingering.contains(id), let entry = entries[id] else { return }
    lingering.remove(id)
    join(entry)
  }

  private mutating func join(_ entry: Entry) {
    let tenant = entry.request.tenant
    var line = lines.removeValue(forKey: tenant)
    if line == nil { ring.append(tenant) }
    line = line ?? Line(weight: weights[tenant] ?? 1)
    line?.insert(entry)
    lines[tenant] = line
  }

  // MARK: Out

  /// Who is served next. Stays the same until it is taken, removed, or overtaken by an earlier deadline of the same tenant.
  /// - Parameter skipped: tenants that pass this time, without credit for it.
  package mutating func head(skipping skipped: Set<Name> = []) -> Entry? {
    var passed = 0
    while let tenant = ring.first, passed < ring.count {
      guard let line = lines[tenant], let first = line.order.first, let entry = entries[first.id] else {
        retireFirst()
        continue
      }
      if skipped.contains(tenant) {
        lines[tenant]?.deficit -= min(line.deficit, credit ?? 0)
        ring.append(ring.removeFirst())
        credit = nil
        passed += 1
        continue
      }
      if credit == nil {
        let quantum = quantum * line.weight
        lines[tenant]?.deficit += quantum
        credit = quantum
      }
      if entry.request.cost <= lines[tenant]?.deficit ?? 0 { return entry }
      ring.append(ring.removeFirst())
      credit = nil
      passed = 0
    }
    return nil
  }

  /// Takes the head; its tenant pays for it.
  package mutating func popHead(skipping skipped: Set<Name> = []) -> Entry? {
    guard let entry = head(skipping: skipped) else { return nil }
    lines[entry.request.tenant]?.deficit -= entry.request.cost
    return remove(entry.id)
  }

  /// Takes out any entry, in line or lingering, free of charge.
  @discardableResult
  package mutating func remove(_ id: WaiterID) -> Entry? {
    guard let entry = entries.removeValue(forKey: id) else { return nil }
    let tenant = entry.request.tenant
    deadlines.remove(id)
    if let group = entry.group { companions.remove(entry.rank, of: tenant, in: group) }
    let others = waiting[tenant, default: 1] - 1
    waiting[tenant] = others > 0 ? others : nil
    if lingering.contains(id) {
      lingering.remove(id)
    } else {
      lines[tenant]?.remove(entry)
      // An empty line saves nothing up for later.
      if lines[tenant]?.order.isEmpty ?? true {
        lines[tenant]?.deficit = 0
        if ring.first == tenant { retireFirst() }
      }
    }
    if entries.isEmpty {
      lines.removeAll()
      ring.removeAll()
      credit = nil
    }
    return entry
  }

  /// Those that could leave with `entry`, in line or lingering: one of each tenant after the other, each tenant's in the order of its line.
  package func company(of entry: Entry, limit: Int) -> [Entry] {
    guard let group = entry.group else { return [] }
    return companions.members(of: group, limit: limit).compactMap { $0 == entry.id ? nil : entries[$0] }
  }

  /// Takes out everything whose deadline is at or before `moment`, the earliest first.
  package mutating func removeExpired(by moment: Moment) -> [Entry] {
    var expired: [Entry] = []
    while let next = deadlines.first, next.priority <= moment {
      if let entry = remove(next.id) { expired.append(entry) } else { deadlines.remove(next.id) }
    }
    return expired
  }

  package mutating func removeAll() -> [Entry] {
    entries.keys.sorted().compactMap { remove($0) }
  }

  // MARK: Estimate

  /// No less than `ahead`, and quick to tell.
  package func mostAhead(of request: LaneRequest) -> (items: Int, cost: Int) {
    let own = lines[request.tenant]
    return ahead(of: request, own: (own?.turns ?? 0, own?.cost ?? 0))
  }

  /// What would be served before a request that came now: its tenant's own with an earlier deadline, and of the others as much as their
  /// turns allow in the meantime. Requests of one group count as one, and those of its own group not at all: it is taken along.
  /// What merges or not is told by the batches alone, so this is what it takes at least.
  package func ahead(of request: LaneRequest) -> (items: Int, cost: Int) {
    var own = (items: 0, cost: 0)
    var groups: Set<LaneGroup> = []
    if let group = request.company?.group { groups.insert(group) }
    if let line = lines[request.tenant] {
      for member in line.order.members where member.priority.deadline <= request.deadline {
        guard let entry = entries[member.id] else { continue }
        if let group = entry.group, !groups.insert(group).inserted { continue }
        own.items += 1
        own.cost += entry.request.cost
      }
    }
    return ahead(of: request, own: own, counted: groups)
  }

  /// - Parameter counted: groups that are in `own`, and so not counted again; nil: whatever is in two lines counts twice.
  private func ahead(of request: LaneRequest, own: (items: Int, cost: Int), counted: Set<LaneGroup>? = nil) -> (items: Int, cost: Int) {
    var counted = counted
    var (items, cost) = own
    let weight = lines[request.tenant]?.weight ?? weights[request.tenant] ?? 1
    let turns = (cost + request.cost - 1) / (quantum * weight) + 1
    for (tenant, line) in lines where tenant != request.tenant {
      var whole = (items: line.turns, cost: line.cost)
      for (group, known) in counted == nil ? [:] : line.groups where !(counted?.insert(group).inserted ?? true) {
        whole.items -= 1
        whole.cost -= known.cost
      }
      guard whole.cost > 0 else { continue }
      let share = min(whole.cost, turns * quantum * line.weight)
      items += whole.items * share / whole.cost
      cost += share
    }
    return (items, cost)
  }

  private mutating func retireFirst() {
    guard let tenant = ring.popFirst() else { return }
    credit = nil
    if lines[tenant]?.order.isEmpty ?? true { lines[tenant] = nil } else { ring.append(tenant) }
  }
}

extension FairQueue.Line {
  mutating func insert(_ entry: FairQueue.Entry) {
    order.insert(entry.id, entry.rank)
    guard let group = entry.group else { return count(1, entry.request.cost) }
    if let known = groups[group] {
      groups[group] = (known.count + 1, known.cost)
    } else {
      groups[group] = (1, entry.request.cost)
      count(1, entry.request.cost)
    }
  }

  mutating func remove(_ entry: FairQueue.Entry) {
    order.remove(entry.id)
    guard let group = entry.group else { return count(-1, -entry.request.cost) }
    guard let known = groups[group] else { return }
    groups[group] = known.count > 1 ? (known.count - 1, known.cost) : nil
    if known.count == 1 { count(-1, -known.cost) }
  }

  private mutating func count(_ turns: Int, _ cost: Int) {
    self.turns += turns
    self.cost += cost
  }
}
