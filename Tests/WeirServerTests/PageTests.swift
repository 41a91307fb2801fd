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

  func get(_ path: String, method: String = "GET") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: weir:8080\r\nConnection: close\r\n\r\n"
  }

  @Test("a page is answered with what stands behind the question mark, whatever the host is called")
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
