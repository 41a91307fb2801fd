import Testing
import WeirBilling
import WeirCore

@testable import WeirApp

@Suite("What an operator knows better of freshness (issue 3)")
struct FreshnessSettingsTests {
  func read(_ members: String) throws(SettingsError) -> Settings.Upstream {
    let text = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\", \(members) } }"
    let settings = try SettingsReader.read(text, file: "weir.yaml", secrets: SecretSource(environment: [:]) { _ in "" })
    guard let upstream = settings.upstreams.first else { throw SettingsError(file: "", line: nil, key: "", message: "no upstream") }
    return upstream
  }

  func table(_ freshness: String) throws -> FreshnessTable {
    try #require(try read("pack: aws-pricing, freshness: \(freshness)").policy.freshness)
  }

  @Test("a class is given a duration, or a ttl and a stale")
  func classes() throws {
    let table = try table("{ open: 4h, closed: 14d, prices: { ttl: 12h, stale: 3d }, lists: { stale: 0s }, open_settled: { ttl: 1d } }")
    #expect(table[.open] == Freshness(fresh: .hours(4), stale: .hours(20)))
    #expect(table[.closed] == Freshness(fresh: .days(14), stale: .days(16)))
    #expect(table[.prices] == Freshness(fresh: .hours(12), stale: .days(3)))
    #expect(table[.lists] == Freshness(fresh: .hours(24), stale: .zero))
    #expect(table[.openSettled] == Freshness(fresh: .hours(24), stale: .hours(12)))
    #expect(table[.closing] == AWSBillingCalendar().freshness(of: .closing))
  }

  @Test("nothing written changes nothing", arguments: ["{}", "~", ""])
  func nothing(_ text: String) throws {
    let table = try table(text)
    for kind in FreshnessClass.allCases { #expect(table[kind] == AWSBillingCalendar().freshness(of: kind)) }
  }

  @Test("every class can be written")
  func everyClass() throws {
    for kind in FreshnessClass.allCases {
      #expect(try table("{ \(kind.rawValue): 77s }")[kind].fresh == .seconds(77))
    }
  }

  @Test(
    "what is wrong is said with what would be right",
    arguments: [
      ("pack: aws-pricing, freshness: { opeen: 4h }", "weir.yaml:1: upstreams.a.freshness.opeen: is not a key that Weir knows; did"),
      ("pack: aws-pricing, freshness: { close: 4h }", "; did you mean \"closed\"?"),
      (
        "pack: aws-pricing, freshness: { nonesuch: 4h }", "known here: alerts, closed, closing, continued, empty, forecast, lists, open, open_settled"
      ),
      ("pack: aws-pricing, freshness: { open: soon }", "freshness.open: \"soon\" is not a number with a unit"),
      ("pack: aws-pricing, freshness: { open: 4 }", "freshness.open: \"4\" is not a number with a unit"),
      ("pack: aws-pricing, freshness: { open: -4h }", "freshness.open: \"-4h\" is not a number with a unit"),
      ("pack: aws-pricing, freshness: { open: [4h] }", "freshness.open: must be a text"),
      ("pack: aws-pricing, freshness: { open: ~ }", "freshness.open: must be a text"),
      ("pack: aws-pricing, freshness: { open: 0s }", "freshness.open: must be longer than nothing"),
      ("pack: aws-pricing, freshness: { open: { ttl: 0h, stale: 1d } }", "freshness.open.ttl: must be longer than nothing"),
      ("pack: aws-pricing, freshness: { open: {} }", "freshness.open: needs a \"ttl\", such as 12h, a \"stale\", such as 3d, or both"),
      ("pack: aws-pricing, freshness: { open: { tll: 4h } }", "freshness.open.tll: is not a key that Weir knows; did you mean \"ttl\"?"),
      ("pack: aws-pricing, freshness: [open, closed]", "freshness: must be a mapping"),
      ("pack: aws-pricing, freshness: 4h", "freshness: must be a mapping"),
      ("freshness: { open: 4h }", "upstreams.a.freshness: belongs to an upstream with a \"pack\""),
    ])
  func faults(_ members: String, _ expected: String) {
    do throws(SettingsError) {
      _ = try read(members)
      Issue.record("it is read")
    } catch {
      #expect(error.description.contains(expected), "\(error)")
    }
  }

  @Test("a rule of the cache goes before a class, and a tool that the pack does not know has its rule alone")
  func precedence() throws {
    let policy = try read("pack: aws-pricing, freshness: { prices: 12h }, cache: [{ tool: \"get_pricing_*\", ttl: 1h }]").policy
    func freshness(_ tool: Name) -> CallPolicy.Caching {
      policy.policy(
        tool: ToolDefinition(name: tool, json: Array("{}".utf8), readOnlyHint: true, digest: [1]), arguments: nil, now: WallTime(milliseconds: 0)
      )
      .caching
    }
    #expect(freshness("get_pricing") == .cached(Freshness(fresh: .hours(12), stale: .hours(156))))
    #expect(freshness("get_pricing_service_codes") == .cached(Freshness(fresh: .hours(1), stale: .zero)))
    #expect(freshness("get_pricing_of_tomorrow") == .cached(Freshness(fresh: .hours(1), stale: .zero)))
  }
}
