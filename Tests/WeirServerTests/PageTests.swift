import Testing

@testable import WeirServer

@Suite("Pages beside the metrics (issue 3)")
struct PageTests {
  static let hooks: FrontHooks = {
    var hooks = FrontHooks()
    hooks.pages = [
      FrontHooks.Page(path: "/usage", label: "usage") { query in query == "bad" ? (400, Array("{}".utf8)) : (200, Array("[\"\(query)\"]".utf8)) }
    ]
    return hooks
  }()

  func get(_ path: String, method: String = "GET", host: String = "localhost:8080", origin: String? = nil) -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n\(origin.map { "Origin: \($0)\r\n" } ?? "")Connection: close\r\n\r\n"
  }

  static let asked: [(host: String, origin: String?, status: Int)] = [
    ("127.0.0.1:8080", nil, 200), ("[::1]", nil, 200), ("weir.internal", nil, 200), ("weir:8080", nil, 421), ("evil.example:8080", nil, 421),
    ("evil.example", "http://evil.example", 421), ("localhost", "http://evil.example", 403), ("localhost", "null", 403),
    ("localhost", "http://localhost:3000", 200), ("localhost", "https://inspector.example", 200),
  ]

  @Test("issue 2: a page in a browser that had its name lead here reads neither pages nor metrics", arguments: asked, ["/usage", "/metrics"])
  func rebinding(_ asked: (host: String, origin: String?, status: Int), _ path: String) async throws {
    let change: (inout FrontConfiguration) -> Void = {
      $0.allowedHosts = ["weir.internal"]
      $0.allowedOrigins = ["https://inspector.example"]
      $0.adminAddress = FrontAddress(host: "127.0.0.1", port: 0)
    }
    try await RunningFront.with(hooks: Self.hooks, change) { running in
      let admin = try #require(running.adminPort)
      let answer = try await WireClient.exchange(admin, get(path, host: asked.host, origin: asked.origin))
      #expect(answer.status == asked.status)
      #expect(answer.header("access-control-allow-origin") == nil)
      for open in ["/healthz", "/readyz"] {
        #expect(try await WireClient.exchange(admin, get(open, host: asked.host, origin: asked.origin)).status == 200)
      }
    }
  }

  @Test("issue 2: beyond this machine metrics are given under any name, pages are not")
  func scraped() async throws {
    // Which leads to this machine and does not say so.
    let elsewhere = FrontAddress(host: "0x7f000001", port: 0)
    try await RunningFront.with(hooks: Self.hooks, { $0.adminAddress = elsewhere }) { running in
      let admin = try #require(running.adminPort)
      #expect(try await WireClient.exchange(admin, get("/metrics", host: "10.1.2.3:9464")).status == 200)
      #expect(try await WireClient.exchange(admin, get("/usage", host: "10.1.2.3:9464")).status == 421)
      #expect(try await WireClient.exchange(admin, get("/usage")).status == 200)
    }
  }

  @Test("a page is answered with what stands behind the question mark")
  func query() async throws {
    try await RunningFront.with(hooks: Self.hooks) { running in
      for (path, body) in [("/usage", "[\"\"]"), ("/usage?", "[\"\"]"), ("/usage?month=2026-11", "[\"month=2026-11\"]"), ("/usage?a?b", "[\"a?b\"]")]
      {
        let answer = try await running.raw(get(path))
        #expect(answer.status == 200)
        #expect(answer.body == body)
        #expect(answer.header("content-type") == "application/json")
        #expect(answer.header("cache-control") == "no-store")
      }
      #expect(try await running.raw(get("/usage?bad")).status == 400)
      #expect(try await running.raw(get("/usage", method: "HEAD")).body.isEmpty)
      #expect(try await running.raw(get("/usage", method: "DELETE")).status == 405)
      #expect(try await running.raw(get("/usage/")).status == 404)
      #expect(try await running.raw(get("/usages")).status == 404)
    }
  }

  @Test("with an address of its own for the metrics, a page is there and nowhere else")
  func admin() async throws {
    try await RunningFront.with(hooks: Self.hooks, { $0.adminAddress = FrontAddress(host: "127.0.0.1", port: 0) }) { running in
      let admin = try #require(running.adminPort)
      #expect(try await WireClient.exchange(admin, get("/usage?x")).body == "[\"x\"]")
      #expect(try await running.raw(get("/usage")).status == 404)
    }
  }
}
