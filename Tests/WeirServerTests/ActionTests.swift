import Testing
import WeirCore
import WeirTenancy

@testable import WeirServer

@Suite("What operators have Weir do", .timeLimit(.minutes(5)))
struct ActionTests {
  private static let path = "/admin/cache/purge"
  private static let secret = "an operator's key of some length"

  private func hooks(_ access: FrontHooks.Action.Access) -> FrontHooks {
    var hooks = FrontHooks()
    hooks.actions = [
      FrontHooks.Action(path: Self.path, label: "cache_purge", access: access) { body in
        await Task.yield()
        return (202, Array("[".utf8) + body + Array("]".utf8))
      }
    ]
    return hooks
  }

  @Test("it is done on the listener that is for it, and answered when it is done")
  func admin() async throws {
    try await RunningFront.with(hooks: hooks(.anybody)) {
      $0.adminAddress = FrontAddress(host: "127.0.0.1", port: 0)
    } _: { running in
      let port = try #require(running.adminPort)
      let there = try await WireClient.exchange(port, RunningFront.request("{}", to: Self.path))
      #expect(there.status == 202 && there.body == "[{}]" && there.header("content-type") == "application/json")
      let here = try await running.post("{}", to: Self.path)
      #expect(here.status == 404)
    }
  }

  @Test(
    "whoever does not ask as an operator does is refused",
    arguments: [
      ("GET", [:], 405), ("POST", ["Origin": "http://127.0.0.1:9090"], 403), ("POST", ["Origin": "null"], 403),
      ("POST", ["Content-Type": "text/plain"], 415), ("POST", ["Content-Type": ""], 415),
      ("POST", ["Content-Type": "application/json; charset=utf-8"], 202),
    ] as [(String, [String: String], Int)])
  func refused(method: String, headers: [String: String], status: Int) async throws {
    try await RunningFront.with(hooks: hooks(.anybody)) { running in
      let answer = try await running.raw(RunningFront.request(method == "POST" ? "{}" : "", to: Self.path, method: method, headers))
      #expect(answer.status == status)
    }
  }

  @Test(
    "where there is a key it has to be shown",
    arguments: [
      ([:], 401), (["Authorization": "Bearer wrong"], 401), (["Authorization": "Basic \(secret)"], 401), (["X-API-Key": secret], 401),
      (["Authorization": "Bearer \(secret)x"], 401), (["Authorization": "Bearer "], 401), (["Authorization": "Bearer \(secret)"], 202),
      (["Authorization": "bearer \(secret)"], 202),
    ] as [([String: String], Int)])
  func shown(headers: [String: String], status: Int) async throws {
    try await RunningFront.with(hooks: hooks(.key(APIKey.digest(of: Self.secret.utf8)))) { running in
      let answer = try await running.post("{}", to: Self.path, headers)
      #expect(answer.status == status)
      #expect((answer.header("www-authenticate") != nil) == (status == 401))
    }
  }

  @Test("where nobody may it says why")
  func nobody() async throws {
    try await RunningFront.with(hooks: hooks(.nobody("because"))) { running in
      let answer = try await running.post("{}", to: Self.path)
      #expect(answer.status == 403 && answer.body.contains("because"))
    }
  }
}
