import Glibc
import NIOCore
import Testing
import WeirBilling
import WeirCache
import WeirCore
import WeirFleet
import WeirFlow
import WeirJSON
import WeirTenancy

@testable import WeirApp

@Suite("The configuration (issue 2)")
struct SettingsTests {
  let secrets = SecretSource(environment: ["TOKEN": "t0p"]) { path in
    guard path == "/run/secrets/redis" else { throw SecretSource.Failure(message: "no such file") }
    return "s3cret\n"
  }

  func read(_ text: String) throws(SettingsError) -> Settings {
    try SettingsReader.read(text, file: "weir.yaml", secrets: secrets)
  }

  func fault(in text: String) -> String? {
    do throws(SettingsError) {
      _ = try read(text)
      return nil
    } catch { return error.description }
  }

  static let digest = String(repeating: "ab", count: 32)

  @Test("every key of the design's example is read")
  func complete() throws {
    let settings = try read(
      """
      listen: { address: 0.0.0.0:8080, public_url: "https://mcp.finops.example.com" }
      cache:
        memory: { max_bytes: 256MiB, max_entry: 8MiB }
        redis: { url: "rediss://cache.internal:6379/0", password: "${file:/run/secrets/redis}" }
      providers:
        aws-cost-explorer: { rate: 2/s, burst: 10, budget: 200/day, price: 0.01 USD/request }
        prices: { limits: [12/10s, 60/1m, 600/1h], concurrency: 3, without_redis: closed }
      upstreams:
        aws-billing:
          command: [uvx, awslabs.billing-cost-management-mcp-server@latest]
          environment: { AWS_PROFILE: billing-readonly, MCP_SQL_THRESHOLD: "100000000" }
          processes: 4
          pack: aws-billing-cost-management
          share: all
        prices:
          url: http://127.0.0.1:9000/mcp
          headers: { Authorization: "Bearer ${env:TOKEN}" }
          cache: [{ tool: "get_*", ttl: 24h, stale: 7d }, { tool: search, ttl: 10m, share: principal }, { tool: "*", never: true }]
      tenants:
        platform:
          api_keys: [{ name: ci, sha256: "\(Self.digest)" }]
          allow: ["aws-billing/*"]
      """)
    #expect(settings.listen.host == "0.0.0.0")
    #expect(settings.listen.port == 8080)
    #expect(settings.cache.memoryBytes == 256 << 20)
    #expect(settings.cache.redis?.user.password?.reveal == "s3cret")
    let explorer = try #require(settings.providers["aws-cost-explorer"])
    #expect(explorer.limits == [RateLimit(count: 2, period: .seconds(1), burst: 10)])
    #expect(explorer.budget == BudgetLimit(per: .day, requests: 200))
    #expect(explorer.price == MicroUSD(10_000))
    #expect(settings.providers["prices"]?.limits.count == 3)
    #expect(explorer.withoutRedis == .degraded && settings.providers["prices"]?.withoutRedis == .closed)
    let billing = try #require(settings.upstreams.first)
    #expect(billing.name == "aws-billing")
    #expect(billing.share == .all)
    #expect(billing.provider == "aws-cost-explorer")
    guard case .stdio(let command, let environment, 4) = billing.transport else {
      Issue.record("\(billing.transport)")
      return
    }
    #expect(command.count == 2)
    #expect(environment["AWS_PROFILE"]?.reveal == "billing-readonly")
    let prices = settings.upstreams[1]
    guard case .http(_, let headers, _) = prices.transport else {
      Issue.record("\(prices.transport)")
      return
    }
    #expect(headers.first?.value.reveal == "Bearer t0p")
    #expect(
      prices.policy.rules.map(\.freshness) == [Freshness(fresh: .hours(24), stale: .days(7)), Freshness(fresh: .minutes(10), stale: .zero), nil])
    #expect(prices.toolShares.map(\.share) == [.principal])
    #expect(settings.tenants.first?.mayCall(upstream: "aws-billing", tool: "budgets") == true)
  }

  static let upstream = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\" } }"

  @Test(
    "what is wrong is said with file, line and key, and what to write instead",
    arguments: [
      ("", "weir.yaml", "nothing to stand in front of"),
      ("upstreams: {}", "weir.yaml:1: upstreams", "names no upstream"),
      ("upstreams:\n  a:\n    comand: [x]", "weir.yaml:3: upstreams.a.comand", "did you mean \"command\"?"),
      ("upstreams:\n  a: {}", "weir.yaml:2: upstreams.a", "needs a \"command\" to start or a \"url\""),
      ("upstreams:\n  A_B:\n    url: http://x", "weir.yaml:3: upstreams.A_B", "lower-case letters"),
      ("upstreams:\n  a:\n    url: ftp://x", "weir.yaml:3: upstreams.a.url", "http:// or https://"),
      ("upstreams:\n  a:\n    url: http://x\n    command: [y]", "weir.yaml:3: upstreams.a", "keep one"),
      ("upstreams:\n  a:\n    url: http://x\n    processes: 2", "weir.yaml:4: upstreams.a.processes", "belongs to an upstream with a \"command\""),
      ("upstreams:\n  a:\n    command: [x]\n    transport: sse", "weir.yaml:4: upstreams.a.transport", "belongs to an upstream with a \"url\""),
      ("upstreams:\n  a:\n    url: http://x\n    transport: http", "weir.yaml:4: upstreams.a.transport", "auto, streamable-http or sse"),
      (
        "upstreams:\n  a:\n    url: http://x\n    era: modern\n    transport: sse", "weir.yaml:5: upstreams.a.transport",
        "is a transport of the handshake era"
      ),
      ("upstreams:\n  a:\n    url: http://x\n    pack: aws", "weir.yaml:4: upstreams.a.pack", "aws-billing-cost-management"),
      ("upstreams:\n  a:\n    url: http://x\n    cache: [{ tool: t }]", "weir.yaml:4: upstreams.a.cache.0", "needs either a \"ttl\""),
      ("upstreams:\n  a:\n    url: http://x\n    cache: [{ tool: t, ttl: 5 }]", "weir.yaml:4: upstreams.a.cache.0.ttl", "24h"),
      ("upstreams:\n  a:\n    url: http://x\n    headers: { A: \"${env:NOPE}\" }", "weir.yaml:4: upstreams.a.headers.A", "NOPE, which is not set"),
      ("upstreams:\n  a:\n    url: http://x\n    headers: { A: \"${file:/nope}\" }", "weir.yaml:4", "/nope, which can't be read"),
      ("upstreams:\n  a:\n    url: http://x\n    headers: { Accept: x }", "weir.yaml:4: upstreams.a.headers", "set by the protocol"),
      ("upstreams:\n  a:\n    url: http://x\n    headers: { \"X Y\": z }", "weir.yaml:4: upstreams.a.headers", "not a token"),
      ("upstreams:\n  a:\n    url: http://u:p@x", "weir.yaml:3: upstreams.a.url", "user information"),
      (
        "upstreams:\n  a:\n    url: http://x\n    pack: aws-billing-cost-management\n    provider: aws-billing",
        "weir.yaml:5: upstreams.a.provider", "to stand in for aws-cost-explorer"
      ),
      (
        "upstreams:\n  a:\n    url: http://x\n    widen: false\n    derive_sums: true", "weir.yaml:5: upstreams.a.derive_sums",
        "\"buckets\" and \"widen\""
      ),
      ("\(upstream)\nlisten: { address: nowhere }", "weir.yaml:2: listen.address", "127.0.0.1:8080"),
      ("\(upstream)\nlisten: { address: 0.0.0.0:80 }", "weir.yaml:2: listen.address", "anybody could read your bills"),
      ("\(upstream)\nproviders: { b: { rate: 1/s } }", "weir.yaml:2: providers.b", "did you mean \"a\"?"),
      ("\(upstream)\nproviders: { a: { rate: fast } }", "weir.yaml:2: providers.a.rate", "2/s"),
      ("\(upstream)\nproviders: { a: { price: 0.0000001 } }", "weir.yaml:2: providers.a.price", "0.01 USD/request"),
      ("\(upstream)\nproviders: { a: { rate: 1/s, limits: [1/s] } }", "weir.yaml:2: providers.a", "into \"limits\""),
      ("\(upstream)\nproviders: { a: { linger: 2s } }", "weir.yaml:2: providers.a.linger", "more than 1s"),
      ("\(upstream)\nproviders: { a: { merge: maybe } }", "weir.yaml:2: providers.a.merge", "true or false"),
      ("\(upstream)\nproviders: { a: { budget: 200 } }", "weir.yaml:2: providers.a.budget", "such as 200/day"),
      ("\(upstream)\nproviders: { a: { budget: { at_limit: stop } } }", "weir.yaml:2: providers.a.budget", "needs a \"limit\""),
      ("\(upstream)\nproviders: { a: { without_redis: maybe } }", "weir.yaml:2: providers.a.without_redis", "degraded, open or closed"),
      ("\(upstream)\nproviders: { a: { budget: { limit: 1/day, at_limit: wait } } }", "weir.yaml:2: providers.a.budget.at_limit", "stop or stale"),
      (
        "\(upstream)\ntenants: { t: { api_keys: [{ name: k, sha256: \"\(digest)\" }], allow: [\"*\"], budget: 2 USD/day } }",
        "weir.yaml:2: tenants.t.budget", "mapping of providers"
      ),
      (
        "\(upstream)\ntenants: { t: { api_keys: [{ name: k, sha256: \"\(digest)\" }], allow: [\"*\"], budget: { b: 2 USD/day } } }",
        "weir.yaml:2: tenants.t.budget.b", "did you mean \"a\"?"
      ),
      ("\(upstream)\ntenants: { t: { allow: [\"*\"] } }", "weir.yaml:2: tenants.t", "weir keys new --tenant t"),
      (
        "\(upstream)\ntenants: { t: { api_keys: [{ name: k, sha256: abc }], allow: [\"*\"] } }", "weir.yaml:2: tenants.t.api_keys.0.sha256",
        "64 hexadecimal"
      ),
      ("\(upstream)\ntenants: { t: { api_keys: [{ name: k, sha256: \"\(digest)\" }] } }", "weir.yaml:2: tenants.t", "allow"),
      (
        "\(upstream)\ntenants: { t: { api_keys: [{ name: k, sha256: \"\(digest)\" }], allow: [\"b/*\"] } }", "weir.yaml:2: tenants.t.allow.0",
        "matches none"
      ),
      ("a: [", "weir.yaml:", "is no YAML"),
      ("upstreams: 1\nupstreams: 2", "weir.yaml:2: upstreams:", "twice, first in line 1"),
      ("upstreams:\n  a:\n    command: [x]\n  b:\n    command: [a]\n  a:\n    command: [y]", "weir.yaml:6: upstreams.a:", "twice, first in line 2"),
      ("a: x\nupstreams:\n  'a':\n    command: [x]\n  # a\n  \"a\": { command: [y] }\nb: 1", "weir.yaml:6: upstreams.a:", "twice, first in line 3"),
      (
        "\(upstream)\ntenants:\n  t:\n    api_keys:\n      - name: k\n        sha256: s\n        name: l\n    allow: []",
        "weir.yaml:7: tenants.t.api_keys.0.name:",
        "twice, first in line 5"
      ),
      ("upstreams: { a: { command: x }, a: { command: y } }", "weir.yaml:1: a:", "twice"),
      ("upstreams:\r\n  a: 1\r\n  a: 2\r\n", "weir.yaml:3: upstreams.a:", "twice, first in line 2"),
    ])
  func errors(_ text: String, _ place: String, _ help: String) throws {
    let error = try #require(fault(in: text))
    #expect(error.hasPrefix(place), "\(error)")
    #expect(error.contains(help), "\(error)")
    #expect(!error.contains("\n"))
  }

  @Test("a key belongs to one tenant")
  func sharedKey() throws {
    let tenant = "{ api_keys: [{ name: k, sha256: \"\(Self.digest)\" }], allow: [\"*\"] }"
    let error = try #require(fault(in: "\(Self.upstream)\ntenants:\n  one: \(tenant)\n  two: \(tenant)"))
    #expect(error.contains("weir.yaml:4: tenants.two.api_keys.0"))
    #expect(error.contains("one"))
  }

  @Test(
    "a secret is never in an error",
    arguments: [
      ("tenants: { t: { api_keys: [{ name: k, sha256: weir_thisisakey }], allow: [\"*\"] } }", "weir_thisisakey"),
      ("cache: { redis: { url: \"redis://user:pa55@\" } }", "pa55"),
      ("listen: { public_url: \"${env:TOKEN}\" }", "t0p"),
      ("listen: { max_body: \"${env:TOKEN}\" }", "t0p"),
    ])
  func hidden(_ text: String, _ secret: String) throws {
    let message = try #require(fault(in: "\(Self.upstream)\n\(text)"))
    #expect(!message.contains(secret), "\(message)")
  }

  @Test("keys of one tenant have names of their own, since the name stands for who calls")
  func sameName() throws {
    let other = String(repeating: "cd", count: 32)
    let text =
      "\(Self.upstream)\ntenants: { t: { api_keys: [{ name: k, sha256: \"\(Self.digest)\" }, { name: k, sha256: \"\(other)\" }], allow: [\"*\"] } }"
    #expect(try #require(fault(in: text)).contains("each key needs its own"))
  }

  @Test("an operator's provider stands in for the pack's main one, with its price and a budget of its own")
  func renamedProvider() throws {
    let settings = try read(
      """
      upstreams: { a: { url: "http://127.0.0.1:1/mcp", pack: aws-billing-cost-management, provider: acct-a } }
      providers: { acct-a: { budget: 50 USD/month } }
      """)
    let provider = try #require(settings.providers["acct-a"])
    #expect(provider.price == MicroUSD(10_000))
    #expect(provider.budget == BudgetLimit(per: .month, money: MicroUSD(50_000_000)))
    #expect(settings.providers["aws-cost-explorer"] == nil)
    #expect(settings.providers["aws-pricing"] != nil)
  }

  @Test("budgets of providers and tenants say what becomes of calls when they are spent, and merging can be tuned")
  func budgets() throws {
    let settings = try read(
      """
      upstreams: { a: { url: "http://127.0.0.1:1/mcp" }, b: { url: "http://127.0.0.1:2/mcp" } }
      providers:
        a: { budget: { limit: 5 USD/month, at_limit: stop }, merge: false }
        b: { budget: { limit: 20/day }, linger: 0ms }
      tenants:
        one: { api_keys: [{ name: k, sha256: "\(Self.digest)" }], allow: ["*"], budget: { a: 2 USD/day, b: { limit: 7/month, at_limit: stop } } }
      """)
    let (first, second) = (try #require(settings.providers["a"]), try #require(settings.providers["b"]))
    #expect(first.budget == BudgetLimit(per: .month, money: MicroUSD(5_000_000), atLimit: .stop))
    #expect(second.budget == BudgetLimit(per: .day, requests: 20, atLimit: .serveStale))
    #expect(first.tenantBudgets == ["one": BudgetLimit(per: .day, money: MicroUSD(2_000_000))])
    #expect(second.tenantBudgets == ["one": BudgetLimit(per: .month, requests: 7, atLimit: .stop)])
    #expect(!first.merges)
    #expect(second.merges)
    #expect(first.linger == .milliseconds(15))
    #expect(second.linger == .zero)
  }

  @Test("time buckets and wider questions can be turned off for an upstream")
  func buckets() throws {
    let settings = try read(
      """
      upstreams:
        a: { url: "http://127.0.0.1:1/mcp" }
        b: { url: "http://127.0.0.1:2/mcp", buckets: false }
        c: { url: "http://127.0.0.1:3/mcp", widen: false }
        d: { url: "http://127.0.0.1:4/mcp", derive_sums: true }
      """)
    let flags = settings.upstreams.sorted { $0.name < $1.name }.map { [$0.reusesBuckets, $0.widens, $0.derivesSums] }
    #expect(flags == [[true, true, false], [false, true, false], [true, false, false], [true, true, true]])
  }

  @Test("the built-in sample is a configuration like any other")
  func sample() throws {
    let settings = try Settings.sample()
    #expect(settings.listen.isLoopback)
    #expect(settings.upstreams.first?.policy.pack?.name == "aws-billing-cost-management")
    #expect(settings.providers["aws-cost-explorer"]?.price == MicroUSD(10_000))
  }

  @Test(
    "a limit of zero is refused with what to write instead (issue 2)",
    arguments: [
      ("listen: { limits: { header_timeout: 0s } }", "header_timeout"), ("listen: { limits: { body_timeout: 0ms } }", "body_timeout"),
      ("listen: { limits: { idle_timeout: 0s } }", "idle_timeout"), ("listen: { limits: { write_timeout: 0s } }", "write_timeout"),
      ("listen: { max_body: 0 }", "max_body"), ("call_timeout: 0s", "call_timeout"), ("start_timeout: 0d", "start_timeout"),
      ("max_result: 0", "max_result"), ("max_result: 0MiB", "max_result"),
    ])
  func zero(_ text: String, _ key: String) {
    let isListen = text.hasPrefix("listen")
    let upstream = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\"\(isListen ? "" : ", " + text) } }"
    let fault = fault(in: isListen ? text + "\n" + upstream : upstream)
    #expect(fault?.contains("\(key): is 0 and would let nothing through; write a ") == true)
  }

  @Test("a literal dollar sign stays", arguments: [("a$b", "a$b"), ("$", "$"), ("${env:TOKEN}$x", "t0p$x"), ("${env:TOKEN}${env:TOKEN}", "t0pt0p")])
  func dollars(_ text: String, _ expected: String) throws {
    #expect(try secrets.resolve(text) == expected)
  }

  @Test(
    "quantities are read exactly or not at all",
    arguments: [
      ("250ms", Duration.milliseconds(250)), ("1.5s", .milliseconds(1500)), ("15m", .seconds(900)), ("24h", .seconds(86_400)),
      ("7d", .seconds(604_800)),
      ("5", nil), ("-1s", nil), ("1 week", nil), ("", nil), ("99999999999999999999d", nil), ("1e3s", nil),
    ])
  func durations(_ text: String, _ expected: Duration?) {
    #expect(Quantity.duration(text) == expected)
  }

  @Test("prices keep their millionths", arguments: [("0.01 USD/request", 10_000), ("1", 1_000_000), ("0.000001", 1), ("12.5 USD", 12_500_000)])
  func prices(_ text: String, _ expected: Int64) {
    #expect(Quantity.price(text) == MicroUSD(expected))
  }

  @Test("what is no price is refused", arguments: ["", "-1", "0.0000001", "1 EUR/request", "1,5", "1.2.3", "1e3", "9999999999999999999"])
  func noPrices(_ text: String) {
    #expect(Quantity.price(text) == nil)
  }
}

@Suite("Commands")
struct CommandTests {
  @Test("a new key comes with the lines that let it in")
  func keys() throws {
    let text = try KeysCommand.new(tenant: "platform", name: "ci")
    let key = try #require(text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("weir_") })
    #expect(text.contains(APIKey.digest(of: Array(key.utf8)).hex))
    let yaml = try #require(text.components(after: "For the configuration:"))
    let settings = try SettingsReader.read("upstreams: { a: { url: \"http://127.0.0.1:1/mcp\" } }\n" + yaml, file: "x")
    #expect(settings.tenants.first?.name == "platform")
  }

  @Test("a credential change is another credential, the order of the environment is none")
  func credentials() throws {
    func credential(_ environment: String) throws -> Name {
      let settings = try SettingsReader.read("upstreams: { a: { command: [x], environment: \(environment) } }", file: "x")
      return UpstreamFactory.credential(of: settings.upstreams[0])
    }
    #expect(try credential("{ A: one, B: two }") == credential("{ B: two, A: one }"))
    #expect(try credential("{ A: one }") != credential("{ A: two }"))
    #expect(try credential("{ A: oneB }") != credential("{ AB: one }"))
  }

  @Test("words of a command and variables are told apart, and so are a URL and headers (issue 2)")
  func boundaries() throws {
    func credential(_ upstream: String) throws -> Name {
      UpstreamFactory.credential(of: try SettingsReader.read("upstreams: { a: { \(upstream) } }", file: "x").upstreams[0])
    }
    #expect(try credential("command: [x, A, one]") != credential("command: [x], environment: { A: one }"))
    #expect(try credential("command: [x, A], environment: { B: one }") != credential("command: [x], environment: { A: B, one: '' }"))
  }

  @Test("an address that is taken is named by its key and its file (issue 2)")
  func taken() {
    var listen = Settings.Listen()
    let error = IOError(errnoCode: EADDRINUSE, reason: "bind")
    #expect(
      ServeCommand.message(error, listen, file: "weir.yaml", isOverridden: false)
        == "weir.yaml: listen.address: can't listen on 127.0.0.1 port 8080: another program does; stop it, or choose another address")
    listen.admin = ("127.0.0.1", 9090)
    #expect(
      ServeCommand.message(error, listen, file: nil, isOverridden: true)
        == "--listen or listen.admin_address: can't listen on 127.0.0.1 port 8080 or 127.0.0.1 port 9090: another program does; "
        + "stop it, or choose another address")
  }
}

extension String {
  /// What stands behind a line, with the indentation of two spaces taken off.
  func components(after line: String) -> String? {
    let lines = split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let index = lines.firstIndex(where: { $0.hasPrefix(line) }) else { return nil }
    return lines[(index + 1)...].map { $0.hasPrefix("  ") ? String($0.dropFirst(2)) : $0 }.joined(separator: "\n")
  }
}
