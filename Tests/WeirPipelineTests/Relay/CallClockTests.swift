import Testing
import WeirCore
import WeirTestSupport

@testable import WeirPipeline

@Suite("How long a call may take (issue 4)")
struct CallClockTests {
  private struct Thinker: ClientPeer {
    let time: ManualTime
    let patience: Duration

    func notify(_ method: String, _ params: [UInt8]?) {}

    func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
      time.advance(by: patience)
      return Array("{}".utf8)
    }
  }

  private static func peer(_ clock: CallClock, _ time: ManualTime) -> AskedPeer {
    AskedPeer(
      peer: Thinker(time: time, patience: .seconds(100)), names: TaskNames(principal: "ada", sealer: Sealer()),
      introduction: Introduction(upstream: "up", endpoint: .aggregate),
      clock: clock, client: UpstreamCaller(capabilities: Array(#"{"roots":{},"elicitation":{}}"#.utf8), principal: "ada"))
  }

  @Test("the time that a question takes moves the deadline")
  func moved() async throws {
    let time = ManualTime()
    let clock = CallClock(allowance: .seconds(10), time: time)
    let peer = Self.peer(clock, time)
    let answer = try await clock.run(until: time.now() + .seconds(10)) { () -> Result<Int, CallError> in
      _ = try? await peer.ask("elicitation/create", nil)
      time.advance(by: .seconds(9))
      return .success(1)
    }
    #expect(answer == 1)
  }

  @Test("a call of half an hour that reports goes on, and ends when it is silent")
  func reports() async throws {
    let time = ManualTime()
    let clock = CallClock(allowance: .seconds(120), time: time)
    let (heard, sink) = AsyncStream.makeStream(of: Void.self)
    let report = try #require(clock.following { _ in sink.yield() })
    let answer = try await clock.run(until: time.now() + .seconds(120)) { () -> Result<Int, CallError> in
      for _ in 0..<30 {
        time.advance(by: .seconds(60))
        await Task.yield()
        report(CallProgress(params: Array("{}".utf8)))
      }
      return .success(1800)
    }
    sink.finish()
    #expect(answer == 1800)
    #expect(await heard.reduce(0) { count, _ in count + 1 } == 30)
    await #expect(throws: CallError.self) {
      try await clock.run(until: time.now()) { () -> Result<Int, CallError> in
        while !Task.isCancelled {
          time.advance(by: .seconds(1))
          await Task.yield()
        }
        return .failure(CallError(.cancelled, "cancelled"))
      }
    }
  }

  @Test("without a question or a report the deadline holds")
  func held() async {
    let time = ManualTime()
    let clock = CallClock(allowance: .seconds(10), time: time)
    await #expect(throws: CallError.self) {
      try await clock.run(until: time.now() + .seconds(10)) { () -> Result<Int, CallError> in
        while !Task.isCancelled {
          time.advance(by: .seconds(1))
          await Task.yield()
        }
        return .failure(CallError(.cancelled, "cancelled"))
      }
    }
  }

  @Test("what is held for the provider is given back before the first question")
  func letGo() async throws {
    let time = ManualTime()
    let (given, sink) = AsyncStream.makeStream(of: Void.self)
    let peer = Self.peer(CallClock(allowance: .seconds(10), time: time), time).lettingGo { sink.yield() }
    _ = try await peer.ask("roots/list", nil)
    sink.finish()
    #expect(await given.reduce(0) { count, _ in count + 1 } == 1)
  }
}
