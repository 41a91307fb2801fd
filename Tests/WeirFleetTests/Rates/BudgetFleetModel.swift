import WeirCore
import WeirFlow
import WeirRedis

@testable import WeirFleet

/// Replicas that spend one budget as fast as they may, with all the trouble that a test makes. Time is the model's; what is spent is counted by
/// calendar period when it leaves.
struct BudgetFleetModel {
  struct Replica {
    var id = ReplicaID.random()
    var budget: Budget
    var syncsAt: Int64 = 0
    var cutUntil: Int64 = 0
    var failures = 0
    var sent: [(estimate: BudgetAmount, actual: BudgetAmount, count: Int)] = []
    /// Answers that are on their way, with what was claimed.
    var reply: (reply: RateReply?, comesAt: Int64)?
  }

  let limit: BudgetLimit
  var redis: ScriptedRedis
  var random: SplitMix64
  var replicas: [Replica]
  var spent: [Int: BudgetAmount] = [:]
  /// Wants nothing any more: what is claimed and not used is given up.
  var isIdle = false
  private let settings = SharedRateSettings(limits: [])

  init(_ client: RedisClient, _ limit: BudgetLimit, replicas: Int, seed: UInt64) {
    self.limit = limit
    redis = ScriptedRedis(client: client)
    random = SplitMix64(seed)
    self.replicas = (0..<replicas).map { _ in Replica(budget: Budget(limit, isShared: true)) }
  }

  var wall: WallTime { WallTime(milliseconds: redis.now / 1000) }
  var period: Int { Int(redis.now / 86_400_000_000) }

  mutating func run(milliseconds: Int64) async throws {
    let end = redis.now + milliseconds * 1000
    while redis.now < end {
      redis.now += Int64.random(in: 10_000...60_000, using: &random)
      for index in replicas.indices {
        receive(index)
        spend(index)
        try await sync(index)
      }
    }
  }

  private mutating func spend(_ index: Int) {
    if !isIdle, random.chance(40) {
      let requests = Int.random(in: 1...6, using: &random)
      let estimate = BudgetAmount(requests: requests, price: MicroUSD(Int64(requests) * 700))
      if replicas[index].budget.reserve(estimate, now: wall) == .granted {
        if random.chance(10) {
          replicas[index].budget.cancel(estimate)
        } else {
          let count = replicas[index].budget.commit(estimate, now: wall)
          let less = Int.random(in: 0...requests, using: &random)
          let actual = BudgetAmount(requests: less, price: MicroUSD(Int64(less) * 700))
          spent[period] = (spent[period] ?? .zero) + actual
          replicas[index].sent.append((estimate, actual, count))
        }
      } else {
        replicas[index].syncsAt = min(replicas[index].syncsAt, redis.now + 250_000)
      }
    }
    if random.chance(isIdle ? 100 : 30), let over = replicas[index].sent.popLast() {
      replicas[index].budget.settle(over.estimate, in: over.count, as: over.actual, now: wall)
    }
  }

  private mutating func sync(_ index: Int) async throws {
    guard replicas[index].reply == nil, replicas[index].syncsAt <= redis.now else { return }
    let claims = replicas[index].budget.claim(all: true, now: wall).map { [$0] } ?? []
    replicas[index].syncsAt = redis.now + 2_000_000
    var call = RateCall()
    call.fleetSize = replicas.count
    call.isComplete = true
    var reply: RateReply?
    if replicas[index].cutUntil <= redis.now {
      reply = try await redis.call(call, replicas[index].id, settings, claims: claims)
      if random.chance(5) { reply = nil }
    }
    replicas[index].reply = (reply, redis.now + Int64.random(in: 0...100_000, using: &random))
  }

  private mutating func receive(_ index: Int) {
    guard let (reply, comesAt) = replicas[index].reply, comesAt <= redis.now else { return }
    replicas[index].reply = nil
    if let reply {
      replicas[index].failures = 0
      replicas[index].budget.contact(.heard)
      for share in reply.budgets { replicas[index].budget.learn(share, now: wall) }
    } else {
      replicas[index].failures += 1
      replicas[index].syncsAt = redis.now + 250_000
      if replicas[index].failures > 1 { replicas[index].budget.contact(.lost) }
    }
  }

  // MARK: Trouble

  mutating func cut(_ indices: Range<Int>, milliseconds: Int64, stagger: Int64) {
    for index in indices {
      replicas[index].cutUntil = redis.now + milliseconds * 1000 + Int64.random(in: 0...max(1, stagger * 1000), using: &random)
    }
  }

  /// A replica dies with what is under way, and another one starts.
  mutating func replace(_ index: Int) {
    // What left was spent as it was meant; nobody settles it any more.
    replicas[index] = Replica(budget: Budget(limit, isShared: true))
  }
}
