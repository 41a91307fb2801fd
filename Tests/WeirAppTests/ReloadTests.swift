import Logging
import Testing
import WeirCore
import WeirPipeline
import WeirTenancy
import WeirTestSupport

@testable import WeirApp

@Suite("A configuration that is read again")
struct ReloadTests {
  private static let text = """
    upstreams:
      a: { url: "http://127.0.0.1:1/mcp", cache: [{ tool: x, ttl: 1h }] }
      b: { command: [cat], processes: 2 }
    tenants:
      team: { api_keys: [{ name: k, sha256: "\(String(repeating: "ab", count: 32))" }], allow: ["*"] }
    """

  private static func settings(_ text: String = text) throws -> Settings { try SettingsReader.read(text, file: "weir.yaml") }

  @Test(
    "only what changes a connection makes a new process or session",
    arguments: [
      ("ttl: 1h", "ttl: 2h", false), ("/mcp\"", "/mcp2\"", true), ("processes: 2", "processes: 3", true),
      ("command: [cat]", "command: [cat, x]", true), ("processes: 2 }", "processes: 2, call_timeout: 5s }", false),
      ("processes: 2 }", "processes: 2, environment: { X: y } }", true), ("processes: 2 }", "processes: 2, isolation: session }", true),
    ])
  func connections(_ old: String, _ new: String, isOther: Bool) throws {
    let before = try Self.settings()
    let range = try #require(Self.text.utf8.firstRange(of: old.utf8))
    let changed = String(Self.text[..<range.lowerBound]) + new + String(Self.text[range.upperBound...])
    let after = try Self.settings(changed)
    let differ = zip(before.upstreams, after.upstreams).contains { $0.connection != $1.connection }
    #expect(differ == isOther)
  }

  @Test(
    "what cannot change is named, and taken from the settings that hold",
    arguments: [
      ("listen: { address: \"127.0.0.1:1\" }", ["listen"]), ("cache: { memory: { max_bytes: 1MiB } }", ["cache"]),
      ("seal_key: \"0123456789012345678901234567890123456789\"", ["seal_key"]), ("fleet: { address: \"10.0.0.1:80\" }", ["fleet"]),
      ("usage: { file: /tmp/x }", ["usage"]), ("providers: { a: { rate: 1/s } }", []),
    ])
  func fixed(_ line: String, _ keys: [String]) throws {
    let now = try Self.settings()
    var next = try Self.settings("\(line)\n\(Self.text)")
    #expect(next.fixedKeys(otherThanIn: now) == keys)
    next.keepFixed(of: now)
    #expect(next.fixedKeys(otherThanIn: now).isEmpty)
  }

  @Test(
    "a secret that is another is named, too, without being shown (issue 5)",
    arguments: [
      ("listen: { address: \"127.0.0.1:1\", admin_address: \"127.0.0.1:2\", admin_token: \"TOKEN\" }", "listen"),
      ("cache: { redis: { url: \"redis://:TOKEN@127.0.0.1:1\" } }", "cache"),
      ("cache: { redis: { url: \"redis://127.0.0.1:1\" }, encryption_key: \"TOKEN\" }", "cache"),
      ("seal_key: \"TOKEN\"", "seal_key"),
    ])
  func secrets(_ line: String, _ key: String) throws {
    let (one, other) = (String(repeating: "A", count: 43) + "=", String(repeating: "B", count: 42) + "A=")
    func settings(_ secret: String) throws -> Settings {
      try Self.settings("\(line.replacing("TOKEN", with: secret))\n\(Self.text)")
    }
    #expect(try settings(one).fixedKeys(otherThanIn: settings(one)).isEmpty)
    #expect(try settings(other).fixedKeys(otherThanIn: settings(one)) == [key])
  }

  @Test("a job runs until it is stopped, and all end with whoever runs them", .timeLimit(.minutes(5)))
  func jobs() async {
    let jobs = Jobs()
    let (started, starting) = AsyncStream.makeStream(of: Int.self)
    let first = jobs.start {
      starting.yield(1)
      try? await Task.sleep(for: .seconds(3600))
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await jobs.run() }
      var iterator = started.makeAsyncIterator()
      #expect(await iterator.next() == 1)
      first.stop()
      await first.ended()
      let second = jobs.start {
        starting.yield(2)
        try? await Task.sleep(for: .seconds(3600))
      }
      #expect(await iterator.next() == 2)
      group.cancelAll()
      await group.waitForAll()
      await second.ended()
    }
  }

  @Test("calls are waited for until the last is over", .timeLimit(.minutes(5)))
  func calls() async {
    let calls = CallCount()
    await calls.isZero()
    calls.begin()
    calls.begin()
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        await calls.isZero()
        return true
      }
      calls.end()
      calls.end()
      #expect(await group.next() == true)
    }
  }

  @Test("a tenant that has gone is nobody, and one whose key has gone is no principal")
  func principals() throws {
    let settings = try Self.settings()
    let directory = TenantDirectory(tenants: settings.tenants)
    #expect(directory.has(principal: "team/k"))
    #expect(!directory.has(principal: "team/other"))
    #expect(TenantDirectory.local.has(principal: "local/anonymous"))
  }
}

@Suite("What an upstream announces to one replica")
struct ChangeHintTests {
  @Test("what a replica told itself is no news to it, and other messages are none of these")
  func own() {
    let hints = ChangeHints(replica: Array("00000000000000aa".utf8), time: SystemTime()) { _ in }
    #expect(hints.hear(Array("l00000000000000aaprices".utf8)))
    #expect(hints.hear(Array("l".utf8)))
    #expect(!hints.hear(Array("esession".utf8)))
    #expect(!hints.hear([]))
  }

  @Test("lists are told at once, a resource unless it was heard here too", .timeLimit(.minutes(5)))
  func others() async {
    let (told, telling) = AsyncStream.makeStream(of: [UInt8].self)
    let (heard, hearing) = AsyncStream.makeStream(of: String.self)
    let first = ChangeHints(replica: Array("00000000000000aa".utf8), time: SystemTime()) { telling.yield($0) }
    let time = ManualTime()
    let second = ChangeHints(replica: Array("00000000000000bb".utf8), time: time) { _ in }
    second.connect(onLists: { hearing.yield("lists \($0)\($1 ? " at once" : "")") }, onResource: { hearing.yield("\($0) \($1)") })
    first.announced("prices", isListed: false)
    first.announced("prices", isListed: true)
    first.updated("prices", "a://known b")
    first.updated("prices", "a://new")
    second.updated("prices", "a://known b")
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await second.run() }
      var messages = told.makeAsyncIterator()
      for _ in 0..<4 { if let message = await messages.next() { #expect(second.hear(message)) } }
      var found = heard.makeAsyncIterator()
      #expect(await found.next() == "lists prices at once")
      #expect(await found.next() == "lists prices")
      await time.sleepers(atLeast: 1)
      time.advance(by: .milliseconds(500))
      #expect(await found.next() == "prices a://new")
      group.cancelAll()
    }
  }
}
