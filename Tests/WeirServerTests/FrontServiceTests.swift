import NIOConcurrencyHelpers
import ServiceLifecycle
import Testing
import WeirCore

@testable import WeirServer

@Suite("The front as a service", .timeLimit(.minutes(5)))
struct FrontServiceTests {
  private static func get(_ path: String, _ headers: [String: String] = [:]) -> String { RunningFront.request("", to: path, method: "GET", headers) }

  @Test("health and metrics answer")
  func health() async throws {
    var hooks = FrontHooks()
    hooks.metrics = { Array("weir_up 1\n".utf8) }
    let ready = NIOLockedValueBox(true)
    hooks.readiness = { FrontHooks.Readiness(isReady: ready.withLockedValue { $0 }, json: Array(#"{"upstreams":{}}"#.utf8)) }
    try await RunningFront.with(hooks: hooks) { running in
      let metrics = try await running.raw(Self.get("/metrics"))
      #expect(metrics.status == 200)
      #expect(metrics.body == "weir_up 1\n")
      #expect(metrics.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
      let health = try await running.raw(Self.get("/healthz"))
      #expect(health.status == 200)
      let readiness = try await running.raw(Self.get("/readyz"))
      #expect(readiness.status == 200)
      #expect(readiness.body == #"{"upstreams":{}}"#)
      ready.withLockedValue { $0 = false }
      let unready = try await running.raw(Self.get("/readyz"))
      #expect(unready.status == 503)
      let posted = try await running.post("{}", to: "/healthz")
      #expect(posted.status == 405)
    }
  }

  @Test("with an address of its own, the metrics are there and nowhere else")
  func admin() async throws {
    try await RunningFront.with {
      $0.adminAddress = FrontAddress(host: "127.0.0.1", port: 0)
    } _: { running in
      let admin = try #require(running.adminPort)
      let there = try await WireClient.exchange(admin, Self.get("/metrics"))
      #expect(there.status == 200)
      let health = try await WireClient.exchange(admin, Self.get("/healthz"))
      #expect(health.status == 200)
      let here = try await running.raw(Self.get("/metrics"))
      #expect(here.status == 404)
      let call = try await WireClient.exchange(admin, RunningFront.modern("tools/list"))
      #expect(call.status == 404)
    }
  }

  @Test("pages of configured origins get the CORS fields, others do not")
  func cors() async throws {
    try await RunningFront.with {
      $0.allowedOrigins = ["https://inspector.example"]
    } _: { running in
      let preflight = try await running.raw(
        RunningFront.request(
          "", method: "OPTIONS",
          [
            "Origin": "https://inspector.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, Mcp-Param-Region, x-other, mcp-param-a b",
          ]))
      #expect(preflight.status == 204)
      #expect(preflight.header("access-control-allow-origin") == "https://inspector.example")
      #expect(
        preflight.header("access-control-allow-headers")?.hasSuffix("Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, mcp-param-region") == true)
      let call = try await running.modern("tools/list", ["Origin": "https://inspector.example"])
      #expect(call.header("access-control-allow-origin") == "https://inspector.example")
      let waited = try await running.modern("tools/call", name: "pending", ["Origin": "https://inspector.example"])
      #expect(waited.header("access-control-allow-origin") == "https://inspector.example")
      let local = try await running.modern("tools/list", ["Origin": "http://localhost:3000"])
      #expect(local.status == 200)
      #expect(local.header("access-control-allow-origin") == nil)
    }
  }

  @Test("the public URL names a host and an origin that are served")
  func publicURL() async throws {
    try await RunningFront.with {
      $0.publicURL = "https://MCP.finops.example:8443/mcp"
    } _: { running in
      let host = try await running.modern("tools/list", ["Host": "mcp.finops.example"])
      #expect(host.status == 200)
      let origin = try await running.modern("tools/list", ["Origin": "https://mcp.finops.example:8443"])
      #expect(origin.status == 200)
      let other = try await running.modern("tools/list", ["Origin": "https://mcp.finops.example"])
      #expect(other.status == 403)
    }
  }

  @Test("draining ends open streams, lets calls finish, and takes no new request")
  func drains() async throws {
    try await RunningFront.with {
      $0.limits.drainGrace = .seconds(30)
    } _: { running in
      let session = try await running.initialize()
      let stream = try await WireClient.connect(running.port)
      await stream.send(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session, "Accept": "text/event-stream"]))
      await stream.receive { $0.contains(": open\n\n") }
      let idle = try await WireClient.connect(running.port)
      await idle.send(RunningFront.modern("tools/list"))
      #expect(await idle.response().status == 200)
      let busy = try await WireClient.connect(running.port)
      await busy.send(RunningFront.modern("tools/call", name: "hang"))
      await running.gateway.until { hanging, _ in hanging == 1 }

      await running.group.triggerGracefulShutdown()
      #expect(await stream.receiveAll().contains("0\r\n\r\n"))
      #expect(await idle.receiveAll().isEmpty)
      #expect(!busy.isClosed)
      running.gateway.release()
      let text = await busy.receiveAll()
      #expect(text.contains(#""outcome":"miss""#))
      #expect(WireResponse(text: text).header("connection") == "close")
    }
  }

  @Test("issue 2: connections that arrive while the front ends do not end the process")
  func arrivals() async throws {
    for _ in 0..<10 {
      let knocking = try await RunningFront.with { running in
        Task { [port = running.port] in
          while let client = try? await WireClient.connect(port) { await client.close() }
        }
      }
      await knocking.value
    }
  }

  @Test("issue 2: a call that does not end is answered after the grace, in words", arguments: ["plain", "streaming", "legacy"])
  func grace(kind: String) async throws {
    try await RunningFront.with {
      $0.limits.drainGrace = .milliseconds(100)
    } _: { running in
      let busy = try await WireClient.connect(running.port)
      var request = RunningFront.modern("tools/call", name: "hang")
      if kind == "streaming" { request = request.replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":5,"io"#).fixingLength }
      if kind == "legacy" {
        let session = try await running.initialize()
        request = RunningFront.request(RunningFront.legacyBody("tools/call", params: #"{"name":"hang"}"#), ["Mcp-Session-Id": session])
      }
      await busy.send(request)
      await running.gateway.until { hanging, _ in hanging == 1 }
      await running.group.triggerGracefulShutdown()
      let text = await busy.receiveAll()
      #expect(WireResponse(text: text).status == 200)
      #expect(text.contains("Weir is ending; try again in a few seconds"), "\(text)")
      #expect(text.contains(#""isError":true"#))
      #expect(text.contains("resultType") == (kind != "legacy"))
      await running.gateway.until { hanging, cancelled in hanging == 0 && cancelled == 1 }
    }
  }

  @Test("an address that is taken is an error, not a hang")
  func taken() async throws {
    try await RunningFront.with { running in
      let port = running.port
      await #expect(throws: (any Error).self) {
        try await RunningFront.with {
          $0.address.port = port
        } _: { _ in
        }
      }
    }
  }

  @Test("thousands of broken requests leave a front that answers")
  func fuzz() async throws {
    try await RunningFront.with { running in
      var random = SplitMix(state: 20_261_123)
      let seeds = [
        RunningFront.modern("tools/call", name: "hit"), RunningFront.modern("tools/list"), RunningFront.modern("tools/call", name: "pending"),
        RunningFront.request("", method: "GET"), RunningFront.request("", method: "DELETE"),
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n",
      ].map { Array($0.utf8) }
      for round in 0..<3000 {
        let client = try await WireClient.connect(running.port)
        await client.send(random.mutated(seeds[Int(random.next() % UInt64(seeds.count))]))
        if round % 3 == 0 { await client.finish() }
        if round % 21 == 0 { await client.receive { !$0.isEmpty } }
        await client.close()
        if round % 500 == 0 {
          let response = try await running.modern("tools/call", name: "hit")
          #expect(response.status == 200)
        }
      }
      let response = try await running.modern("tools/call", name: "hit")
      #expect(response.status == 200)
      while running.front.stats.connections > 0 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(running.front.stats.bufferedBodyBytes == 0)
      #expect(running.front.stats.streams == 0)
    }
  }
}

/// A small generator with a seed, so that a failure can be had again (Steele, Lea, Flood 2014: SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func mutated(_ seed: [UInt8]) -> [UInt8] {
    var bytes = seed
    for _ in 0...(next() % 4) {
      guard !bytes.isEmpty else { break }
      let place = Int(next() % UInt64(bytes.count))
      switch next() % 5 {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: next())
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
      case 3: bytes.removeLast(bytes.count - place)
      default: bytes += seed.prefix(place)
      }
    }
    return bytes
  }
}
