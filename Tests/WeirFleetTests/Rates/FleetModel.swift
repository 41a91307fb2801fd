import WeirCore
import WeirFlow
import WeirRedis

@testable import WeirFleet

/// Replicas that want as much as they get, their clocks and their ways to one real Redis, step by step: tokens are used late, replies are late or
/// lost, Redis is lost and comes back with what it knew, with less, or with nothing. Time is the model's.
struct FleetModel {
  struct Replica {
    var id = ReplicaID.random()
    var reservoir: Reservoir
    /// Its clock is so much ahead of the model's.
    let ahead: Duration
    var isRunning = true
    /// Until when it does not reach Redis.
    var cutUntil: Int64 = 0
    var call: (call: RateCall, sentAt: Int64, goesAt: Int64)?
    var reply: (reply: RateReply?, call: RateCall, sentAt: Int64, comesAt: Int64)?
    var leaving: [(id: WaiterID, cost: Int, at: Int64)] = []
    var ending: [(id: WaiterID, cost: Int, spent: Int, at: Int64)] = []
    var asksAt: Int64 = 0

    func moment(_ now: Int64) -> Moment { .zero + .microseconds(now) + ahead }
  }

  let settings: SharedRateSettings
  var redis: ScriptedRedis
  var random: SplitMix64
  var replicas: [Replica]
  var requests = Requests()
  var now: Int64 = 0
  /// The most that one request costs.
  var largestCost = 1
  /// Of a hundred answers, how many tell of fewer requests than expected.
  var overestimates = 0
  /// Of ten thousand answers, how many say that it was too much.
  var throttles = 0
  /// Longest time, in microseconds, that a command or a reply takes, and a request from its permit to its departure.
  var latency: Int64 = 5000
  private var nextID: UInt64 = 0
  private let offset: Int64

  init(_ client: RedisClient, _ settings: SharedRateSettings, replicas: Int, seed: UInt64) {
    self.settings = settings
    redis = ScriptedRedis(client: client)
    offset = redis.now
    random = SplitMix64(seed)
    self.replicas = (0..<replicas).map { Replica(reservoir: Reservoir(settings), ahead: .seconds(1000 * ($0 + 1))) }
  }

  /// Goes on for so many milliseconds, in steps of up to four.
  mutating func run(milliseconds: Int64) async throws {
    let end = now + milliseconds * 1000
    while now < end {
      now += Int64.random(in: 500...4000, using: &random)
      redis.now = offset + now
      for index in replicas.indices where replicas[index].isRunning { try await step(index) }
    }
  }

  private mutating func step(_ index: Int) async throws {
    receive(index)
    leave(index)
    end(index)
    ask(index)
    try await call(index)
  }

  private mutating func ask(_ index: Int) {
    guard replicas[index].asksAt <= now else { return }
    let moment = replicas[index].moment(now)
    for _ in 0..<64 {
      let cost = min(Int.random(in: 1...largestCost, using: &random), replicas[index].reservoir.capacity)
      switch replicas[index].reservoir.reserve(cost, now: moment) {
      case .granted:
        nextID += 1
        if random.chance(5) {
          replicas[index].reservoir.cancel(cost)
        } else {
          replicas[index].leaving.append((WaiterID(number: nextID), cost, now + Int64.random(in: 0...latency, using: &random)))
        }
      case .delayed(let until):
        if let until { replicas[index].asksAt = now + max(0, (until - moment).microseconds) }
        return
      case .refused: return
      }
    }
  }

  private mutating func leave(_ index: Int) {
    let moment = replicas[index].moment(now)
    for (id, cost, _) in replicas[index].leaving.filter({ $0.at <= now }) {
      replicas[index].reservoir.commit(cost, for: id, now: moment)
      let spent = random.chance(overestimates) ? Int.random(in: 0...cost, using: &random) : cost
      requests.times.append((now, spent))
      replicas[index].ending.append((id, cost, spent, now + Int64.random(in: 0...300_000, using: &random)))
    }
    replicas[index].leaving.removeAll { $0.at <= now }
  }

  private mutating func end(_ index: Int) {
    let moment = replicas[index].moment(now)
    for (id, cost, spent, _) in replicas[index].ending.filter({ $0.at <= now }) {
      replicas[index].reservoir.settle(id, taken: cost, spent: spent, now: moment)
      if Int.random(in: 0..<10_000, using: &random) < throttles {
        let pause = random.chance(50) ? Duration.milliseconds(Int.random(in: 0...2000, using: &random)) : nil
        replicas[index].reservoir.penalise(retryAfter: pause, sentAt: moment + .milliseconds(-50), jitter: 0.5, now: moment)
      }
    }
    replicas[index].ending.removeAll { $0.at <= now }
  }

  private mutating func call(_ index: Int) async throws {
    let moment = replicas[index].moment(now)
    if replicas[index].call == nil, replicas[index].reply == nil,
      let call = replicas[index].reservoir.nextCall(replicas: replicas.count { $0.isRunning }, now: moment)
    {
      replicas[index].call = (call, now, now + Int64.random(in: 0...latency, using: &random))
    }
    guard let (call, sentAt, goesAt) = replicas[index].call, goesAt <= now else { return }
    replicas[index].call = nil
    var reply: RateReply?
    let replica = replicas[index]
    if replica.cutUntil <= now {
      reply = try await redis.call(call, replica.id, settings, view: replica.reservoir.view, at: replica.moment(sentAt))
      if random.chance(1) { reply = nil }
    }
    replicas[index].reply = (reply, call, sentAt, now + Int64.random(in: 0...latency, using: &random))
  }

  private mutating func receive(_ index: Int) {
    guard let (reply, call, sentAt, comesAt) = replicas[index].reply, comesAt <= now else { return }
    replicas[index].reply = nil
    replicas[index].asksAt = now
    let (sent, moment) = (replicas[index].moment(sentAt), replicas[index].moment(now))
    if let reply {
      let jitter = Double.random(in: 0..<1, using: &random)
      _ = replicas[index].reservoir.received(reply, to: call, sentAt: sent, jitter: jitter, now: moment)
    } else {
      _ = replicas[index].reservoir.failed(call, now: moment)
    }
  }

  // MARK: Trouble

  /// Nobody reaches Redis for so long; then one replica after the other does, within `stagger`.
  mutating func cut(milliseconds: Int64, stagger: Int64) {
    for index in replicas.indices {
      replicas[index].cutUntil = now + milliseconds * 1000 + Int64.random(in: 0...stagger * 1000, using: &random)
    }
  }

  /// A replica dies with all that it holds, and another one starts.
  mutating func replace(_ index: Int) {
    let ahead = Duration.seconds(Int.random(in: 1...1_000_000, using: &random))
    replicas[index] = Replica(reservoir: Reservoir(settings), ahead: ahead)
  }
}
