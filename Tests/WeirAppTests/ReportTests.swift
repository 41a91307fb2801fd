import Testing
import WeirCore
import WeirJSON
import WeirPipeline
import WeirTestSupport

@testable import WeirApp

@Suite("weir report (issue 3)")
struct ReportTests {
  /// November 2026 of two teams, counted since the 23rd at 08:12.
  static func ledger() -> UsageLedger {
    let time = ManualTime(wall: WallTime(milliseconds: 1_795_392_000_000 + 29_520_000))
    let ledger = UsageLedger(time: time)
    let cent = MicroUSD(10_000)
    let explorer = UsageKey(tenant: "finance", upstream: "aws", provider: "aws-cost-explorer", tool: "cost-explorer")
    let agents = UsageKey(tenant: "agents", upstream: "aws", provider: "aws-cost-explorer", tool: "cost-explorer")
    let prices = UsageKey(tenant: "agents", upstream: "prices", provider: "aws-pricing", tool: "get_pricing")
    for _ in 0..<1200 { ledger.record(explorer, outcome: .hitMemory, saving: Saving(requests: 1, cost: cent)) }
    for _ in 0..<60 { ledger.record(agents, outcome: .merged, saving: Saving(requests: 1, cost: cent)) }
    for _ in 0..<12 { ledger.record(agents, outcome: .buckets, saving: Saving(requests: 2, cost: MicroUSD(20_500))) }
    for _ in 0..<5 { ledger.record(explorer, outcome: .coalesced, saving: Saving(requests: 1, cost: cent)) }
    ledger.record(explorer, outcome: .miss)
    ledger.record(agents, outcome: .miss)
    ledger.record(agents, outcome: .refused)
    ledger.sent(explorer, requests: 1, cost: cent)
    ledger.sent(agents, requests: 3, cost: MicroUSD(30_000))
    ledger.record(prices, outcome: .bypass)
    ledger.sent(prices, requests: 1, cost: .zero)
    return ledger
  }

  func report(_ ledger: UsageLedger, isKept: Bool = true) throws -> UsageReport {
    let (status, json) = UsagePage(ledger, isKept: isKept).answer("")
    #expect(status == 200)
    return try UsageReport(answer: json)
  }

  // MARK: Text

  @Test("the table shows the month, aligned, what costs and saves most first")
  func table() throws {
    #expect(
      UsageTable(try report(Self.ledger()), top: 10).text == """
        Usage in 2026-11 (UTC), counted since 2026-11-23 08:12

                          number     USD
        Calls              1,281
          from memory      1,200
          from Redis           0
          stale                0
          coalesced            5
          merged              60
          from buckets        12
          fetched              2
          passed through       1
          refused              1
          failed               0
        Requests sent          5   0.040
        Requests avoided   1,289  12.896
          by hits          1,200  12.000
          by coalescing        5   0.050
          by merging          60   0.600
          by buckets          24   0.246

        Tools               calls   hits  coalesced  merged  buckets  sent  avoided  spent USD  saved USD
        aws/cost-explorer   1,280  1,200          5      60       12     4    1,289       0.04     12.896
        prices/get_pricing      1      0          0       0        0     1        0       0.00      0.000

        Tenants             calls   hits  coalesced  merged  buckets  sent  avoided  spent USD  saved USD
        finance             1,206  1,200          5       0        0     1    1,205       0.01     12.050
        agents                 75      0          0      60       12     4       84       0.03      0.846

        Providers           calls   hits  coalesced  merged  buckets  sent  avoided  spent USD  saved USD
        aws-cost-explorer   1,280  1,200          5      60       12     4    1,289       0.04     12.896
        aws-pricing             1      0          0       0        0     1        0       0.00      0.000

        99.6 % of the requests were avoided, and 99.6 % of the money.

        """)
  }

  @Test("only the first are shown where there are many, and how to see the others")
  func top() throws {
    let text = UsageTable(try report(Self.ledger()), top: 1).text
    #expect(text.contains("and 1 more (--top 2)\n"))
    #expect(text.contains("aws/cost-explorer") && !text.contains("get_pricing"))
    #expect(text.contains("Calls              1,281\n"))
  }

  @Test("before the first call there are zeros, and it says what a restart does")
  func empty() throws {
    let text = UsageTable(try report(UsageLedger(time: ManualTime()), isKept: false), top: 10).text
    #expect(text.contains("Requests avoided       0  0.00\n"), "\(text)")
    #expect(!text.contains("Tools"))
    #expect(text.contains("No request was sent or avoided yet.\nKept in memory only, so a restart of Weir begins anew"))
  }

  @Test("a month that was counted from its start says nothing of a start")
  func wholeMonth() throws {
    let ledger = UsageLedger(time: ManualTime(wall: UsageMonth(ManualTime().wall()).start))
    #expect(UsageTable(try report(ledger), top: 10).text.hasPrefix("Usage in 2026-11 (UTC)\n"))
  }

  @Test("a share is never rounded up to all", arguments: [(9999, "99.9 %"), (10_000, "99.9 %"), (0, "0.0 %")])
  func share(_ avoided: Int64, _ text: String) throws {
    let ledger = UsageLedger(time: ManualTime())
    let key = UsageKey(tenant: "t", upstream: "u", provider: "p", tool: "x")
    ledger.sent(key, requests: 1, cost: .zero)
    ledger.save(key, Saving(requests: avoided), by: .hit)
    #expect(UsageTable(try report(ledger), top: 10).text.contains("\n\(text) of the requests were avoided.\n"))
  }

  @Test("names of tools can't steer a terminal or break the table")
  func hostile() throws {
    let ledger = UsageLedger(time: ManualTime())
    for tool in ["\u{1B}[2J", "a\nb", "\u{202E}x", String(repeating: "y", count: 500)] {
      ledger.record(UsageKey(tenant: "t", upstream: "u", provider: "p", tool: Name(tool)), outcome: .miss)
    }
    let text = UsageTable(try report(ledger), top: 10).text
    #expect(!text.unicodeScalars.contains { $0 != "\n" && ($0.value < 0x20 || $0.value == 0x202E) })
    #expect(text.contains("u/\\u{1b}[2J") && text.contains("u/a\\u{a}b") && text.contains("u/\\u{202e}x"))
    #expect(text.split(separator: "\n").allSatisfy { $0.unicodeScalars.count < 160 })
  }

  @Test(
    "money has cents, or as many digits as it needs",
    arguments: [(0, "0.00"), (10_000, "0.01"), (2500, "0.0025"), (1, "0.000001"), (1_234_567_890_000, "1,234,567.89"), (999_999, "0.999999")])
  func money(_ amount: Int64, _ text: String) {
    let money = MicroUSD(amount)
    #expect(UsageText.grouped(UsageText.dollars(money, decimals: max(2, UsageText.decimals(of: money)))) == text)
  }

  @Test("moments come back to the second", arguments: ["1970-01-01T00:00:00Z", "2026-11-23T23:59:59Z", "2024-02-29T12:00:01Z"])
  func moments(_ text: String) throws {
    let moment = try #require(UsageText.moment(Array(text.utf8)))
    #expect(UsageText.timestamp(moment) == text)
    #expect(UsageText.timestamp(WallTime(milliseconds: moment.milliseconds + 999)) == text)
  }

  // MARK: JSON

  @Test("the JSON has exact amounts, every outcome, and the same order")
  func json() throws {
    let root = try JSONDocument(parsing: try report(Self.ledger()).json(top: 1)).root
    #expect(root["month"]?.string == "2026-11")
    #expect(root["since"]?.string == "2026-11-23T08:12:00Z")
    #expect(root["isKept"]?.bool == true)
    let total = try #require(root["total"])
    #expect(total["calls"]?.int == 1281)
    #expect(total["outcomes"]?.count == CallOutcome.allCases.count)
    #expect(total["outcomes"]?["merged"]?.int == 60)
    #expect(total["requestsSent"]?.int == 5)
    #expect(total["requestsAvoided"]?.int == 1289)
    #expect(total["spentUSD"].map { String(decoding: $0.raw, as: UTF8.self) } == "0.04")
    #expect(total["savedUSD"].map { String(decoding: $0.raw, as: UTF8.self) } == "12.896")
    #expect(total["savedBy"]?["buckets"].map { String(decoding: $0.raw, as: UTF8.self) } == #"{"requests":24,"usd":0.246}"#)
    for (group, first) in [("tools", "aws/cost-explorer"), ("tenants", "finance"), ("providers", "aws-cost-explorer")] {
      #expect(root[group]?.count == 1)
      #expect(root[group]?[0]?["name"]?.string == first)
      #expect(root[group]?[0]?.count == total.count + 1)
    }
  }

  // MARK: The page

  @Test(
    "a query that is none is told what to ask",
    arguments: ["month=", "month=november", "month=2026-11&top=3", "mont=2026-11", "2026-11", "month=2026%2D11"])
  func badQuery(_ query: String) throws {
    let (status, json) = UsagePage(Self.ledger(), isKept: true).answer(query)
    #expect(status == 400)
    #expect(try JSONDocument(parsing: json).root["error"]?.string == "ask for a month in UTC, such as /usage?month=2026-11")
  }

  @Test("a month without usage says which there are")
  func otherMonth() throws {
    let (status, json) = UsagePage(Self.ledger(), isKept: true).answer("month=2026-10")
    #expect(status == 404)
    #expect(try JSONDocument(parsing: json).root["error"]?.string == "nothing was counted in 2026-10; months with usage: 2026-11")
    #expect(UsagePage(Self.ledger(), isKept: true).answer("month=2026-11").status == 200)
  }

  // MARK: The command

  func failure(url: String = "http://127.0.0.1:1", month: String? = nil, file: String? = nil, top: Int = 10) async -> String {
    do {
      return "no error: " + (try await ReportCommand(url: url, month: month, file: file, isJSON: false, top: top).run())
    } catch {
      return "\(error)"
    }
  }

  @Test("it asks a running Weir, at the URL that people have at hand", arguments: ["", "/", "/mcp", "/mcp/"])
  func asks(_ suffix: String) async throws {
    let answer = UsagePage(Self.ledger(), isKept: true).answer("").json
    let server = try OneAnswer(status: "200 OK", body: answer)
    let text = try await ReportCommand(url: server.url + suffix, month: "2026-11", file: nil, isJSON: false, top: 10).run()
    #expect(text == UsageTable(try UsageReport(answer: answer), top: 10).text)
    #expect(server.requestLine() == "GET /usage?month=2026-11 HTTP/1.1")
  }

  @Test(
    "an answer that is no usage is told, with what to do",
    arguments: [
      ("200 OK", "<html>", "is no Weir"), ("200 OK", #"{"format":"weir-usage","version":2}"#, "newer than this program"),
      ("404 Not Found", "nothing is here\n", "admin_address"), ("421 Misdirected Request", "this host", "listen.allowed_hosts"),
      ("401 Unauthorized", "", "--file"), ("403 Forbidden", "{}", "in front of it"),
      ("404 Not Found", #"{"error":"nothing was counted in 2026-10"}"#, "nothing was counted in 2026-10"),
      ("400 Bad Request", #"{"error":"\u001b[2J"}"#, "\\u{1b}"), ("503 Service Unavailable", "", "status 503"),
    ])
  func refused(_ status: String, _ body: String, _ text: String) async throws {
    let server = try OneAnswer(status: status, body: Array(body.utf8))
    let error = await failure(url: server.url)
    #expect(error.contains(text), "\(error)")
    #expect(!error.hasPrefix("no error") && !error.contains("\n"), "\(error)")
  }

  @Test("nobody there, no month, no file and no URL are told, with what to do")
  func unable() async throws {
    #expect(await failure().contains("Is Weir running there? --url names another address, --file reads its usage file"))
    #expect(await failure(url: "localhost:8080") == "--url needs the address of a running Weir, such as http://127.0.0.1:8080")
    #expect(await failure(month: "11/2026") == "\"11/2026\" is no month; write it as 2026-11")
    #expect(await failure(file: "/nonexistent/usage.json").hasPrefix("there is no usage file /nonexistent/usage.json"))
    #expect(await failure(top: 0).contains("--top 0"))
  }

  @Test("it reads the usage file without a running Weir")
  func readsFile() async throws {
    let folder = try Folder()
    let book = try #require(Self.ledger().beginSaving())
    _ = try UsageFile(path: folder.file).add(book, known: UsageBook())
    let path = folder.file
    let text = try await ReportCommand(url: "http://127.0.0.1:1", month: "2026-11", file: path, isJSON: false, top: 10).run()
    #expect(text == UsageTable(try report(Self.ledger()), top: 10).text)
    let error = await failure(month: "2026-10", file: path)
    #expect(error.contains("has nothing of 2026-10; months with usage: 2026-11 (choose with --month)"), "\(error)")
  }
}
