import NIOConcurrencyHelpers
import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFlow
import WeirJSON
import WeirPipeline
import WeirTestSupport

@Suite("Identical calls at the same time (issue 2)", .timeLimit(.minutes(5)))
struct FlightTests {
  @Test("1,000 identical calls make exactly one request")
  func thousand() async throws {
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in
      await gate.wait()
      return textResult("\(number)")
    }
    try await withScene(upstream) { scene in
      let outcomes = try await withThrowingTaskGroup(of: CallOutcome.self) { group in
        for _ in 0..<1000 { group.addTask { try await scene.call("up__get").outcome } }
        while scene.flights.stats.waiters < 1000, !Task.isCancelled { await Task.yield() }
        gate.open()
        return try await group.reduce(into: [CallOutcome]()) { $0.append($1) }
      }
      #expect(upstream.requests.count == 1)
      #expect(outcomes.filter { $0 == .miss }.count == 1)
      #expect(outcomes.filter { $0 == .coalesced }.count == 999)
      #expect(scene.flights.isEmpty || scene.flights.stats.waiters == 0)
      #expect(scene.metric(#"weir_saved_requests_total{tenant="a",provider="provider",how="coalesced"} 999"#))
    }
  }

  @Test("the caller who asked first may leave; the others get the answer")
  func leaderLeaves() async throws {
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { _, _ throws(CallError) in
      await gate.wait()
      return textResult("answer")
    }
    try await withScene(upstream) { scene in
      let leader = Task { try await scene.call("up__get") }
      _ = await upstream.arrival()
      let follower = Task { try await scene.call("up__get") }
      while scene.flights.stats.waiters < 2, !Task.isCancelled { await Task.yield() }
      leader.cancel()
      let found = try await leader.value.error?.reason
      #expect(found == .cancelled)
      gate.open()
      let then = try await follower.value.text
      #expect(then == "answer")
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("an upstream that never answers frees the key at the deadline")
  func deadline() async throws {
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in
      if number == 1 {
        try? await Task.sleep(for: .seconds(3600))
        throw CallError(.cancelled, "cancelled at the deadline")
      }
      return textResult("\(number)")
    }
    try await withScene(upstream) { scene in
      let call = Task { try await scene.call("up__get") }
      _ = await upstream.arrival()
      scene.time.advance(by: .seconds(61))
      let found = try await call.value.error?.reason
      #expect(found == .timedOut)
      let then = try await scene.call("up__get").text
      #expect(then == "2")
    }
  }

  @Test("an error reaches everybody who waits, once, and the next call asks again")
  func errorOnce() async throws {
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in
      await gate.wait()
      if number == 1 { throw CallError(.upstreamError, "broken", upstreamCode: -32000) }
      return textResult("\(number)")
    }
    try await withScene(upstream) { scene in
      let calls = (0..<10).map { _ in Task { try await scene.call("up__get") } }
      while scene.flights.stats.waiters < 10, !Task.isCancelled { await Task.yield() }
      gate.open()
      for call in calls {
        let found = try await call.value.error?.upstreamCode
        #expect(found == -32000)
      }
      #expect(upstream.requests.count == 1)
      let found = try await scene.call("up__get").text
      #expect(found == "2")
    }
  }

  @Test("progress reaches every waiter")
  func progress() async throws {
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { request, _ throws(CallError) in
      await gate.wait()
      request.onProgress?(CallProgress(params: Array(#"{"progress":1}"#.utf8)))
      request.onProgress?(CallProgress(params: Array(#"{"progress":2}"#.utf8)))
      return textResult("done")
    }
    try await withScene(upstream) { scene in
      let reports = NIOLockedValueBox<[Int: [String]]>([:])
      let calls = (0..<3).map { number in
        Task {
          try await scene.call("up__get") { report in
            reports.withLockedValue { $0[number, default: []].append(String(decoding: report.params, as: UTF8.self)) }
          }
        }
      }
      while scene.flights.stats.waiters < 3, !Task.isCancelled { await Task.yield() }
      gate.open()
      for call in calls { _ = try await call.value }
      for number in 0..<3 { #expect(reports.withLockedValue { $0[number] } == [#"{"progress":1}"#, #"{"progress":2}"#]) }
    }
  }

  @Test("teams that don't share an answer don't share a flight either")
  func tenants() async throws {
    let gate = Gate()
    let upstream = ScriptedUpstream("up") { _, number throws(CallError) in
      await gate.wait()
      return textResult("\(number)")
    }
    try await withScene(upstream) { scene in
      let calls = [scene.alice, scene.bob].map { caller in Task { try await scene.call("up__get", by: caller) } }
      while scene.flights.stats.waiters < 2, !Task.isCancelled { await Task.yield() }
      gate.open()
      let texts = [try await calls[0].value.text, try await calls[1].value.text]
      #expect(Set(texts) == ["1", "2"])
    }
  }
}
