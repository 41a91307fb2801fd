import WeirCore

@testable import WeirFlow

/// What the scripts do with one key, on one clock.
struct ModelStore {
  struct Value {
    /// When it was asked for.
    let asked: Moment
    let end: Moment
  }

  private(set) var value: Value?
  private var marker: Moment?
  private var lease: (token: Int, end: Moment)?
  private var waiters: Set<Int> = []
  /// Leases that ended before their holder said so.
  private(set) var lost = 0

  mutating func pass(to now: Moment) {
    if let value, value.end <= now { self.value = nil }
    if let marker, marker <= now { self.marker = nil }
    if let lease, lease.end <= now {
      self.lease = nil
      lost += 1
    }
  }

  mutating func look(_ token: Int, of replica: Int, now: Moment) -> LeaseMachine.Answer {
    if value != nil || marker != nil { return .settled }
    if let lease, lease.token != token {
      waiters.insert(replica)
      return .followed(remaining: lease.end - now)
    }
    lease = (token, now + LeaseMachine.lease)
    return .led
  }

  mutating func renew(_ token: Int, now: Moment) -> Bool {
    guard lease?.token == token else { return false }
    lease = (token, now + LeaseMachine.lease)
    return true
  }

  enum End { case value(Value), marker(Moment), nothing }

  /// - Returns: who is woken; nil where the lease is not the token's.
  mutating func end(_ token: Int, _ end: End) -> Set<Int>? {
    guard lease?.token == token else { return nil }
    switch end {
    case .value(let new): (value, marker) = (new, nil)
    case .marker(let end): marker = end
    case .nothing: break
    }
    lease = nil
    defer { waiters = [] }
    return waiters
  }

  /// An invalidation, or a server that has lost everything.
  mutating func clear(tellingWaiters: Bool) -> Set<Int> {
    if lease != nil { lost += 1 }
    defer { self.waiters = [] }
    (value, marker, lease) = (nil, nil, nil)
    return tellingWaiters ? waiters : []
  }
}

/// One replica with one flight after another.
struct ModelReplica {
  enum Doing {
    case nothing(until: Moment)
    case waiting(LeaseMachine, token: Int, until: Moment, since: Moment)
    /// Asked upstream, with the answer to come.
    case asking(token: Int, asked: Moment, answer: Moment, renewal: Moment, hasLease: Bool)
  }

  var doing = Doing.nothing(until: .zero)
  var isWoken = false
  /// Stopped, not dead: acts again then.
  var frozenUntil = Moment.zero
}
