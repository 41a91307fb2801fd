internal import DequeModule
package import WeirCore

/// Requests of many tenants waiting for one provider: deficit round robin across tenants (Shreedhar and Varghese, 1995), the earliest deadline
/// first within a tenant.
///
/// A tenant with one request waits for at most one round, however many another one has queued. What merges (design decision 10) will hook in
/// where the head is taken: `remove` takes any entry out, wherever it stands.
package struct FairQueue: Sendable {
  package struct Entry: Sendable, Equatable {
    package let id: WaiterID
    package let request: LaneRequest
    package let enqueuedAt: Moment
  }

  package enum Refusal: Sendable, Equatable {
    case queueFull
    case tenantFull
  }

  private struct Rank: Comparable, Sendable {
    let deadline: Moment
    let number: UInt64

    static func < (left: Rank, right: Rank) -> Bool {
      left.deadline == right.deadline ? left.number < right.number : left.deadline < right.deadline
    }
  }

  private struct Line: Sendable {
    var order = PriorityMap<WaiterID, Rank>()
    var cost = 0
    var deficit = 0
    let weight: Int
  }

  package static let heaviestWeight = 1000

  private let totalLimit: Int
  private let tenantLimit: Int
  private let weights: [Name: Int]
  private var entries: [WaiterID: Entry] = [:]
  private var lines: [Name: Line] = [:]
  /// Whose turn it is, first to last. A tenant whose requests were all removed stays until its turn comes.
  private var ring: Deque<Name> = []
  /// Whether the first of the ring got its quantum for this turn.
  private var isCredited = false
  private var deadlines = PriorityMap<WaiterID, Moment>()
  /// No smaller than any cost, so that every tenant is served at its turn.
  private var quantum = 1
  private var number: UInt64 = 0

  package init(totalLimit: Int, tenantLimit: Int, weights: [Name: Int] = [:]) {
    self.totalLimit = totalLimit
    self.tenantLimit = tenantLimit
    self.weights = weights.mapValues { min(max(1, $0), Self.heaviestWeight) }
  }

  package var count: Int { entries.count }
  package var isEmpty: Bool { entries.isEmpty }
  package var countByTenant: [Name: Int] { lines.compactMapValues { $0.order.isEmpty ? nil : $0.order.count } }
  package var nextDeadline: Moment? { deadlines.first?.priority }

  // MARK: In

  package mutating func enqueue(_ id: WaiterID, _ request: LaneRequest, now: Moment) -> Refusal? {
    guard entries.count < totalLimit else { return .queueFull }
    let tenant = request.tenant
    guard (lines[tenant]?.order.count ?? 0) < tenantLimit else { return .tenantFull }
    if lines[tenant] == nil {
      lines[tenant] = Line(weight: weights[tenant] ?? 1)
      ring.append(tenant)
    }
    number += 1
    quantum = max(quantum, request.cost)
    entries[id] = Entry(id: id, request: request, enqueuedAt: now)
    lines[tenant]?.order.insert(id, Rank(deadline: request.deadline, number: number))
    lines[tenant]?.cost += request.cost
    if request.deadline < .distantFuture { deadlines.insert(id, request.deadline) }
    return nil
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
        ring.append(ring.removeFirst())
        isCredited = false
        passed += 1
        continue
      }
      if !isCredited {
        lines[tenant]?.deficit += quantum * line.weight
        isCredited = true
      }
      if entry.request.cost <= lines[tenant]?.deficit ?? 0 { return entry }
      ring.append(ring.removeFirst())
      isCredited = false
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

  /// Takes out any entry, free of charge.
  @discardableResult
  package mutating func remove(_ id: WaiterID) -> Entry? {
    guard let entry = entries.removeValue(forKey: id) else { return nil }
    let tenant = entry.request.tenant
    deadlines.remove(id)
    lines[tenant]?.order.remove(id)
    lines[tenant]?.cost -= entry.request.cost
    // An empty line saves nothing up for later.
    if lines[tenant]?.order.isEmpty ?? true {
      lines[tenant]?.deficit = 0
      if ring.first == tenant { retireFirst() }
    }
    if entries.isEmpty {
      lines.removeAll()
      ring.removeAll()
      isCredited = false
    }
    return entry
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

  /// What would be served before a request that came now: its tenant's own with an earlier deadline, and of the others as much as their
  /// turns allow in the meantime.
  package func ahead(of request: LaneRequest) -> (items: Int, cost: Int) {
    var items = 0
    var cost = 0
    var weight = weights[request.tenant] ?? 1
    if let own = lines[request.tenant] {
      weight = own.weight
      for member in own.order.members where member.priority.deadline <= request.deadline {
        items += 1
        cost += entries[member.id]?.request.cost ?? 0
      }
    }
    let turns = (cost + request.cost - 1) / (quantum * weight) + 1
    for (tenant, line) in lines where tenant != request.tenant && !line.order.isEmpty {
      let share = min(line.cost, turns * quantum * line.weight)
      items += line.order.count * share / line.cost
      cost += share
    }
    return (items, cost)
  }

  private mutating func retireFirst() {
    guard let tenant = ring.popFirst() else { return }
    isCredited = false
    if lines[tenant]?.order.isEmpty ?? true { lines[tenant] = nil } else { ring.append(tenant) }
  }
}
