internal import WeirCore

/// All budgets of a lane: the provider's, which every request counts against, and those that tenants have of their own.
struct BudgetBook: Sendable {
  enum Room: Sendable {
    case granted
    /// What is under way may need the rest: of the provider's budget, or only of the tenant's own.
    case pending(everybody: Bool)
    case refused(CallError)

    var refusal: CallError? {
      if case .refused(let error) = self { return error }
      return nil
    }
  }

  private var budgets: [Budget]
  private let isShared: Bool
  private let ofProvider: [Int]
  /// The provider's and its own, for each tenant that has any.
  private let ofTenants: [Name: [Int]]

  init(provider: [BudgetLimit], tenants: [Name: [BudgetLimit]], isShared: Bool = false) {
    var budgets = provider.map { Budget($0, isShared: isShared) }
    let ofProvider = Array(budgets.indices)
    var ofTenants: [Name: [Int]] = [:]
    for (tenant, limits) in tenants.sorted(by: { $0.key < $1.key }) {
      ofTenants[tenant] = ofProvider + Array(budgets.count..<(budgets.count + limits.count))
      budgets += limits.map { Budget($0, of: .tenant(tenant), isShared: isShared) }
    }
    self.budgets = budgets
    self.isShared = isShared
    self.ofProvider = ofProvider
    self.ofTenants = ofTenants
  }

  /// The amounts are others from now on. False where it is other budgets: then all stay as they are, since what is under way is counted in them.
  mutating func change(provider: [BudgetLimit], tenants: [Name: [BudgetLimit]]) -> Bool {
    let next = BudgetBook(provider: provider, tenants: tenants)
    guard next.ofProvider == ofProvider, next.ofTenants == ofTenants,
      zip(budgets, next.budgets).allSatisfy({ $0.limit.period == $1.limit.period })
    else { return false }
    for index in budgets.indices { budgets[index].limit = next.budgets[index].limit }
    return true
  }

  /// Those of the provider first, then those of the tenants by name.
  func stats(now: WallTime) -> [BudgetStats] { budgets.map { $0.stats(now: now) } }

  /// Whether every budget that the request counts against has room for it. Where several have none, one that wants it refused even if there
  /// is a stale answer decides.
  mutating func room(for request: LaneRequest, now: WallTime) -> Room {
    var refusal: CallError?
    var (isPending, isEverybody) = (false, false)
    for index in indices(of: request.tenant) {
      switch budgets[index].decision(on: request.estimate, now: now) {
      case .granted: break
      case .pending:
        isPending = true
        if index < ofProvider.count { isEverybody = true }
      case .refused(let error):
        if refusal == nil || error.forbidsStale { refusal = error }
      }
    }
    if let refusal { return .refused(refusal) }
    return isPending ? .pending(everybody: isEverybody) : .granted
  }

  /// Sets the estimate aside; `room` said that there is room.
  mutating func reserve(_ request: LaneRequest, now: WallTime) {
    for index in indices(of: request.tenant) { _ = budgets[index].reserve(request.estimate, now: now) }
  }

  /// The request leaves. - Returns: in which count of each of its budgets it is.
  mutating func commit(_ request: LaneRequest, now: WallTime) -> [Int] {
    indices(of: request.tenant).map { budgets[$0].commit(request.estimate, now: now) }
  }

  mutating func cancel(_ request: LaneRequest) {
    for index in indices(of: request.tenant) { budgets[index].cancel(request.estimate) }
  }

  mutating func settle(_ request: LaneRequest, in counts: [Int], as actual: BudgetAmount, now: WallTime) {
    for (index, count) in zip(indices(of: request.tenant), counts) {
      budgets[index].settle(request.estimate, in: count, as: actual, now: now)
    }
  }

  /// What there is to tell of the budgets that a tenant's requests count against, and was not told in this period.
  mutating func notices(on tenant: Name, now: WallTime) -> [BudgetNotice] {
    indices(of: tenant).compactMap { budgets[$0].notice(now: now) }
  }

  // MARK: Fleet

  /// Whether a request waits for the fleet to allow more.
  var isWaiting: Bool { isShared && budgets.contains { $0.isWaiting } }

  /// Of each budget of which there is something to tell; none where there is no fleet.
  mutating func claims(all: Bool, now: WallTime) -> [BudgetClaim] {
    guard isShared else { return [] }
    return budgets.indices.compactMap { index in
      var claim = budgets[index].claim(all: all, now: now)
      claim?.index = index
      return claim
    }
  }

  /// The answers to `claims`.
  mutating func learn(_ shares: [BudgetShare], now: WallTime) {
    for share in shares where budgets.indices.contains(share.index) { budgets[share.index].learn(share, now: now) }
  }

  mutating func contact(_ contact: FleetContact) {
    for index in budgets.indices { budgets[index].contact(contact) }
  }

  private func indices(of tenant: Name) -> [Int] { ofTenants[tenant] ?? ofProvider }
}
