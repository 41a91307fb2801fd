import NIOConcurrencyHelpers
import WeirBilling
import WeirCore

/// Plays a trace once.
struct Replay {
  let trace: Trace
  let knowledge: Knowledge
  let seed: UInt64
  let limits: MergeLimits
  /// Told of each call that a provider answers, and whether the answer goes on on another page.
  var log: (@Sendable (Mode, WallTime, AWSCall, Bool) -> Void)?

  /// What one mode came to.
  struct Measurement: Sendable {
    var answered = 0
    var throttled = 0
    var failed = 0
    /// One of the failures, for whoever looks for its cause.
    var failure: String?
    var latencies: [Duration] = []
    var providers: [Name: Provider.Tally] = [:]
    var money = MicroUSD.zero
    var outcomes: [String: Int] = [:]

    /// Requests that the providers answered.
    var requests: Int { providers.values.reduce(0) { $0 + $1.answered } }
    var refused: Int { providers.values.reduce(0) { $0 + $1.refused } }

    /// The latency that this share of the calls stays within.
    func percentile(_ share: Double) -> Duration {
      let sorted = latencies.sorted()
      return sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }
  }

  func run(_ mode: Mode) throws -> Measurement {
    let virtual = VirtualTime(start: trace.start.start)
    let facts = AWSBillingPack().providers
    let providers = Dictionary(
      uniqueKeysWithValues: facts.filter { [AWSCall.explorer, AWSCall.prices].contains($0.name) }.map {
        ($0.name, Provider(price: $0.price, rate: $0.rate, burst: $0.burst))
      })
    let world = World(time: virtual.clock, knowledge: knowledge, providers: providers, seed: seed, log: log(of: mode))
    let way = try way(mode, world)
    let result = NIOLockedValueBox(Measurement())
    let player = Player(trace: trace, way: way, time: virtual.clock, result: result)
    try virtual.run {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await way.run() }
        await player.play()
        group.cancelAll()
      }
    }
    var measurement = result.withLockedValue { $0 }
    measurement.providers = providers.mapValues(\.tally)
    measurement.money = providers.values.reduce(.zero) { $0 + $1.charged }
    measurement.outcomes = way.outcomes
    return measurement
  }

  private func log(of mode: Mode) -> (@Sendable (WallTime, AWSCall, Bool) -> Void)? {
    guard let log else { return nil }
    return { time, call, isPaged in log(mode, time, call, isPaged) }
  }

  private func way(_ mode: Mode, _ world: World) throws -> any Way {
    switch mode {
    case .direct: DirectWay(trace, world)
    case .exact: ExactCacheWay(world, processes: WeirWay.processes)
    default: try WeirWay(mode, trace, world, limits)
    }
  }
}

/// The callers of a replay: each goes on with the next step when the answers of the one before are there.
struct Player: Sendable {
  let trace: Trace
  let way: any Way
  let time: any TimeSource
  let result: NIOLockedValueBox<Replay.Measurement>

  func play() async {
    let begin = time.now()
    await withDiscardingTaskGroup { group in
      for visit in trace.visits {
        do { try await time.sleep(until: begin + visit.start) } catch { return }
        group.addTask { await perform(visit) }
      }
    }
  }

  private func perform(_ visit: Visit) async {
    for (index, step) in visit.steps.enumerated() {
      if index > 0 { do { try await time.sleep(until: time.now() + step.pause) } catch { return } }
      await withTaskGroup(of: Void.self) { group in
        for (index, call) in step.calls.enumerated() {
          if index >= step.width { await group.next() }
          group.addTask { await ask(call, from: visit.caller) }
        }
      }
    }
  }

  private func ask(_ call: TraceCall, from caller: Int) async {
    let asked = time.now()
    let ending = await way.answer(call, from: caller)
    let latency = time.now() - asked
    result.withLockedValue { result in
      result.latencies.append(latency)
      switch ending {
      case .answered: result.answered += 1
      case .throttled: result.throttled += 1
      case .failed(let why):
        result.failed += 1
        result.failure = result.failure ?? why
      }
    }
  }
}
