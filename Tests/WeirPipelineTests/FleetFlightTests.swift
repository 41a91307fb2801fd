import NIOConcurrencyHelpers
import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirTestSupport

@testable import WeirPipeline

@Suite("Identical calls at several replicas (issue 5)", .timeLimit(.minutes(5)))
struct FleetFlightTests {
  /// Two replicas before one upstream.
  func withTwo(
    _ upstream: ScriptedUpstream, options: SceneOptions = SceneOptions(), _ body: (Scene, Scene, LeaseShelf) async throws -> Void
  ) async throws {
    let shelf = LeaseShelf()
    var options = options
    options.fleet = shelf
    try await withScene(upstream, options: options) { first in
      try await withScene(upstream, options: options) { second in try await body(first, second, shelf) }
    }
  }

  /// An upstream whose every answer waits for the gate.
  func gated(_ gate: Gate, _ answer: @escaping @Sendable (Int) throws(CallError) -> String = { textResult("\($0)") }) -> ScriptedUpstream {
    ScriptedUpstream("up") { _, number throws(CallError) in
      await gate.wait()
      return try answer(number)
    }
  }

  /// Both call, the second while the first asks; the gate opens when the second follows.
  func together(
    _ first: Scene, _ second: Scene, _ shelf: LeaseShelf, _ upstream: ScriptedUpstream, _ gate: Gate
  ) async throws -> (CallReply, CallReply) {
    try await withThrowingTaskGroup(of: (Int, CallReply).self) { group in
      group.addTask { (0, try await first.call("up__get")) }
      _ = await upstream.arrival()
      let before = shelf.followed
      group.addTask { (1, try await second.call("up__get")) }
      while shelf.followed == before, !Task.isCancelled { await Task.yield() }
      gate.open()
      let replies = try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      return (try #require(replies[0]), try #require(replies[1]))
    }
  }

  @Test("one replica asks, the other has its answer, each then from memory")
  func shared() async throws {
    let gate = Gate()
    let upstream = gated(gate)
    try await withTwo(upstream) { first, second, shelf in
      let (led, followed) = try await together(first, second, shelf, upstream, gate)
      #expect(led.outcome == .miss && led.text == "1")
      #expect(followed.outcome == .coalesced && followed.text == "1")
      #expect(followed.provenance?["upstreamRequestsSaved"]?.int == 1)
      for scene in [first, second] {
        let again = try await scene.call("up__get")
        #expect(again.outcome == .hitMemory)
      }
      #expect(upstream.requests.count == 1 && shelf.leases == 0 && shelf.looks == 3)
      #expect(first.metric(#"weir_fleet_flights_total{result="led"} 1"#))
      #expect(second.metric(#"weir_fleet_flights_total{result="followed"} 1"#))
      #expect(second.metric(#"weir_fleet_wakeups_total{source="pubsub"} 1"#))
    }
  }

  @Test("a leader whose callers leave before it has asked gives the lease back, and the other asks")
  func handsOver() async throws {
    let gate = Gate()
    let upstream = gated(gate)
    var options = SceneOptions()
    options.lane = LaneConfiguration(concurrency: 1)
    try await withTwo(upstream, options: options) { first, second, shelf in
      // The only place of the first replica's lane is taken.
      let other = Task { try await first.call("up__get_other") }
      _ = await upstream.arrival()
      let leader = Task { try await first.call("up__get") }
      while shelf.leases < 2, !Task.isCancelled { await Task.yield() }
      let follower = Task { try await second.call("up__get") }
      while shelf.followed == 0, !Task.isCancelled { await Task.yield() }
      leader.cancel()
      #expect(try await leader.value.error?.reason == .cancelled)
      _ = await upstream.arrival()
      gate.open()
      #expect(try await follower.value.text == "2")
      _ = try await other.value
      #expect(upstream.requests.count == 2 && shelf.leases == 0)
      #expect(second.metric("weir_fleet_lease_takeovers_total 1"))
      #expect(first.metric(#"weir_fleet_flights_total{result="abandoned"} 1"#))
    }
  }

  @Test("what the upstream fails with is told to the other, what concerns one replica or tenant is not")
  func errors() async throws {
    let gate = Gate()
    let error = CallError(.throttled, "slow down", retryAfter: .seconds(2))
    let upstream = gated(gate) { number throws(CallError) in if number == 1 { throw error } else { textResult("\(number)") } }
    try await withTwo(upstream) { first, second, shelf in
      let (led, followed) = try await together(first, second, shelf, upstream, gate)
      #expect(led.error?.reason == .throttled && followed.error == led.error)
      #expect(upstream.requests.count == 1)
      shelf.forgetMarkers()
      first.time.advance(by: .seconds(10))
      #expect(try await first.call("up__get").text == "2")
      // This replica cannot reach it; the other can.
      upstream.become(.down(reason: "test"))
      #expect(try await first.call("up__get_other").error?.reason == .upstreamDown)
      #expect(shelf.markers == 0 && shelf.leases == 0)
    }
  }

  @Test(
    "errors are told to others for as long as they are likely to be true",
    arguments: [
      (CallError(.timedOut, "m"), Duration?.some(.seconds(1))), (CallError(.upstreamDown, "m"), .milliseconds(500)),
      (CallError(.throttled, "m", retryAfter: .seconds(60)), .seconds(5)), (CallError(.throttled, "m", retryAfter: .seconds(2)), .seconds(2)),
      (CallError(.upstreamError, "m", upstreamCode: -32602, upstreamData: Array("[1]".utf8), upstreamMessage: "w"), .seconds(1)),
      // A refused credential has no code.
      (CallError(.upstreamError, "m"), nil), (CallError(.cancelled, "m"), nil), (CallError(.overBudget, "m"), nil), (CallError(.denied, "m"), nil),
      (CallError(.overloaded, "m"), nil), (CallError(.unauthenticated, "m"), nil), (CallError(.internalFault, "m"), nil),
    ])
  func lifetimes(error: CallError, lifetime: Duration?) {
    #expect(error.sharedLifetime == nil)
    var error = error
    error.isFromUpstream = true
    #expect(error.sharedLifetime == lifetime)
    #expect(CallError(shared: error.shared) == error)
    #expect(CallError(shared: Array("rubbish".utf8)).reason == .upstreamInvalid)
  }

  @Test("an answer that is not to be kept is nobody else's: each asks for itself, once")
  func unshared() async throws {
    let gate = Gate()
    let upstream = gated(gate) { textResult("\($0)", isError: true) }
    try await withTwo(upstream) { first, second, shelf in
      let (led, followed) = try await together(first, second, shelf, upstream, gate)
      #expect(Set([led.text, followed.text]) == ["1", "2"])
      #expect(upstream.requests.count == 2 && shelf.leases == 0 && shelf.values == 0)
      #expect(second.metric(#"weir_fleet_flights_total{result="unshared"} 1"#))
    }
  }

  @Test("an answer whose lease was lost goes to those who wait for it and is kept nowhere")
  func lost() async throws {
    let gate = Gate()
    let upstream = gated(gate)
    try await withTwo(upstream) { first, _, shelf in
      let leader = Task { try await first.call("up__get") }
      _ = await upstream.arrival()
      shelf.loseLeases()
      gate.open()
      let reply = try await leader.value
      #expect(reply.text == "1" && reply.outcome == .miss && reply.provenance?["freshUntil"] == nil)
      #expect(shelf.values == 0)
      #expect(first.metric(#"weir_fleet_flights_total{result="lease_lost"} 1"#))
      #expect(try await first.call("up__get").text == "2")
    }
  }

  @Test("a key that is removed while it is asked for is not stored in the state before")
  func removed() async throws {
    let gate = Gate()
    let upstream = gated(gate)
    try await withTwo(upstream) { first, second, shelf in
      let (led, follower) = (
        Task { try await first.call("up__get") },
        Task {
          _ = await upstream.arrival(); return try await second.call("up__get")
        }
      )
      while shelf.followed == 0, !Task.isCancelled { await Task.yield() }
      let caches = second.cache
      // The other replica hears nothing of it but from the store.
      for key in shelf.keys { await caches.remove(key) }
      gate.open()
      _ = try await (led.value, follower.value)
      #expect(upstream.requests.count == 2)
      #expect(first.metric(#"weir_fleet_flights_total{result="lease_lost"} 1"#))
      #expect(try await first.call("up__get").text == "2")
    }
  }

  @Test("a replica that was late to look looks again, and asks under the lease that it was given")
  func late() async throws {
    let gate = Gate()
    let upstream = gated(gate)
    try await withTwo(upstream) { first, second, shelf in
      shelf.beLate(looks: 3)
      async let late = first.call("up__get")
      for looks in 1...3 {
        while shelf.looks < looks { await Task.yield() }
        // Between looks it sleeps for 250 ms at most; all else sleeps longer.
        while (first.time.nextWake.map { $0 - first.time.now() } ?? .seconds(60)) > .milliseconds(250) { await Task.yield() }
        first.time.advance(by: .milliseconds(250))
      }
      _ = await upstream.arrival()
      async let other = second.call("up__get")
      while shelf.followed == 0 { await Task.yield() }
      gate.open()
      let (led, followed) = try await (late, other)
      #expect(led.text == "1" && followed.text == "1" && upstream.requests.count == 1)
      #expect(first.metric(#"weir_fleet_flights_total{result="led"} 1"#))
      #expect(!first.metric(#"weir_fleet_flights_total{result="local"} 1"#))
    }
  }

  @Test("without the store each replica asks for itself")
  func away() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withTwo(upstream) { first, second, shelf in
      shelf.goAway()
      for scene in [first, second] {
        let outcomes = [try await scene.call("up__get").outcome, try await scene.call("up__get").outcome]
        #expect(outcomes == [.miss, .hitMemory])
        #expect(scene.metric(#"weir_fleet_flights_total{result="local"} 1"#))
      }
      #expect(upstream.requests.count == 2)
    }
  }

  @Test("a stale answer is renewed by one replica, and the other has the new one")
  func renewal() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withTwo(upstream) { first, second, shelf in
      for scene in [first, second] { _ = try await scene.call("up__get") }
      for scene in [first, second] { scene.time.advance(by: .minutes(15)) }
      shelf.age(by: .minutes(15))
      for scene in [first, second] {
        let old = try await scene.call("up__get")
        #expect(old.outcome == .stale)
        while scene.flights.stats.flights > 0, !Task.isCancelled { await Task.yield() }
      }
      for scene in [first, second] {
        let new = try await scene.call("up__get")
        #expect(new.text == "2")
      }
      #expect(upstream.requests.count == 2)
    }
  }

  @Test("what is used much is renewed in the last tenth of its life, by one replica; what is hardly used is not", arguments: [30, 10])
  func early(uses: Int) async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in textResult("\(number)") }
    try await withTwo(upstream) { first, second, shelf in
      for scene in [first, second] {
        for _ in 0...uses { _ = try await scene.call("up__get") }
      }
      for scene in [first, second] { scene.time.advance(by: .minutes(9)) }
      shelf.age(by: .minutes(9))
      for scene in [first, second] {
        let known = try await scene.call("up__get")
        #expect(known.outcome == .hitMemory)
        while scene.flights.stats.flights > 0, !Task.isCancelled { await Task.yield() }
      }
      for scene in [first, second] {
        let new = try await scene.call("up__get")
        #expect(new.text == (uses >= 20 ? "2" : "1"))
      }
      #expect(upstream.requests.count == (uses >= 20 ? 2 : 1))
    }
  }

  @Test("who waits for another replica hears of it")
  func heartbeat() async throws {
    let gate = Gate()
    let upstream = gated(gate)
    let heard = NIOLockedValueBox<[Double]>([])
    try await withTwo(upstream) { first, second, shelf in
      let leader = Task { try await first.call("up__get") }
      _ = await upstream.arrival()
      let follower = Task {
        try await second.call("up__get") { report in
          heard.withLockedValue { $0.append((try? JSONDocument(parsing: report.params))?.root["progress"]?.double ?? -1) }
        }
      }
      for _ in 0..<12 {
        let looks = shelf.looks
        while shelf.followed == 0, !Task.isCancelled { await Task.yield() }
        await second.time.sleepers(atLeast: 2)
        second.time.advance(by: .seconds(1))
        while shelf.looks == looks, !Task.isCancelled { await Task.yield() }
      }
      gate.open()
      _ = try await (leader.value, follower.value)
      #expect(heard.withLockedValue { $0 } == [0.001, 0.002])
    }
  }
}
