import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("What may be cached of a server that no pack knows")
struct UpstreamPolicyTests {
  let now = WallTime(milliseconds: 1_795_392_000_000)

  func tool(_ name: String, readOnly: Bool = false) -> ToolDefinition {
    ToolDefinition(name: Name(name), json: Array("{}".utf8), readOnlyHint: readOnly, digest: [1])
  }

  @Test("nothing, where nobody said so, however read-only it calls itself")
  func silence() throws {
    let policy = UpstreamPolicy()
    #expect(policy.policy(tool: tool("get", readOnly: true), arguments: nil, now: now).caching == .bypass)
  }

  @Test("the first rule that matches counts")
  func rules() throws {
    let policy = UpstreamPolicy(rules: [
      CacheRule(tool: "get_secret*", freshness: nil), CacheRule(tool: "get_*", freshness: Freshness(fresh: .hours(24), stale: .days(7))),
    ])
    #expect(policy.policy(tool: tool("get_price"), arguments: nil, now: now).caching == .cached(Freshness(fresh: .hours(24), stale: .days(7))))
    #expect(policy.policy(tool: tool("get_secrets"), arguments: nil, now: now).caching == .bypass)
    #expect(policy.policy(tool: tool("set_price"), arguments: nil, now: now).caching == .bypass)
  }

  @Test("no arguments and empty arguments are the same question")
  func noArguments() throws {
    let policy = UpstreamPolicy(rules: [CacheRule(tool: "*", freshness: Freshness(fresh: .hours(1), stale: .zero))])
    let none = policy.policy(tool: tool("get"), arguments: nil, now: now)
    let empty = policy.policy(tool: tool("get"), arguments: try json("{ }"), now: now)
    #expect(none.keyArguments == empty.keyArguments)
  }

  @Test("annotations count only where the operator trusts them")
  func annotations() {
    let policy = UpstreamPolicy(trustedAnnotations: Freshness(fresh: .minutes(10), stale: .zero))
    #expect(
      policy.policy(tool: tool("get", readOnly: true), arguments: nil, now: now).caching == .cached(Freshness(fresh: .minutes(10), stale: .zero)))
    #expect(policy.policy(tool: tool("set", readOnly: false), arguments: nil, now: now).caching == .bypass)
  }

  @Test("a rule changes how long a pack's tool is kept, not what its key is")
  func ruleOverPack() throws {
    let plain = UpstreamPolicy(pack: AWSBillingPack())
    let ruled = UpstreamPolicy(rules: [CacheRule(tool: "cost-*", freshness: Freshness(fresh: .minutes(1), stale: .zero))], pack: AWSBillingPack())
    let arguments = try json(#"{"operation":"getCostAndUsage","metrics":"[\"UnblendedCost\"]"}"#)
    let (left, right) = (
      plain.policy(tool: tool("cost-explorer"), arguments: arguments, now: now),
      ruled.policy(tool: tool("cost-explorer"), arguments: arguments, now: now)
    )
    #expect(left.keyArguments == right.keyArguments)
    #expect(right.caching == .cached(Freshness(fresh: .minutes(1), stale: .zero)))
    #expect(right.sentArguments != nil)
  }

  static let hour = Freshness(fresh: .hours(1), stale: .zero)

  @Test(
    "a rule does not make cacheable what the pack refuses",
    arguments: [
      ("session-sql", #"{"query":"SELECT 1"}"#), ("sp-recommendation", #"{"operation":"start_savings_plans_purchase_recommendation_generation"}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage","next_token":"x"}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage","end_date":"soon"}"#),
      ("list-billing-groups", #"{"next_token":"x"}"#),
    ])
  func refusals(_ name: String, _ arguments: String) throws {
    let policy = UpstreamPolicy(
      rules: [CacheRule(tool: "*", freshness: Self.hour)], pack: AWSBillingPack(), trustedAnnotations: Self.hour)
    let arguments = try json(arguments)
    #expect(policy.policy(tool: tool(name, readOnly: true), arguments: arguments, now: now).caching == .never)
  }

  @Test("a rule, or annotations that are trusted, may allow a tool that the pack does not know")
  func unknownTools() throws {
    let arguments = try json(#"{"b":1,"a":2}"#)
    for policy in [
      UpstreamPolicy(rules: [CacheRule(tool: "list-*", freshness: Self.hour)], pack: AWSBillingPack()),
      UpstreamPolicy(pack: AWSBillingPack(), trustedAnnotations: Self.hour),
    ] {
      let call = policy.policy(tool: tool("list-billing-groups", readOnly: true), arguments: arguments, now: now)
      #expect(call.caching == .cached(Self.hour))
      #expect(String(decoding: call.keyArguments, as: UTF8.self) == #"{"a":2,"b":1}"#)
      #expect(call.provider == "aws-billing")
    }
    let plain = UpstreamPolicy(pack: AWSBillingPack())
    #expect(plain.policy(tool: tool("list-billing-groups", readOnly: true), arguments: arguments, now: now).caching == .bypass)
  }

  @Test("a rule that says never goes before what the pack would cache, and leaves the bill where it was")
  func ruleAgainstPack() throws {
    let policy = UpstreamPolicy(rules: [CacheRule(tool: "*", freshness: nil)], pack: AWSBillingPack())
    let call = policy.policy(tool: tool("cost-explorer"), arguments: try json(#"{"operation":"getCostAndUsage","max_pages":3}"#), now: now)
    #expect(call.caching == .bypass)
    #expect(call.provider == "aws-cost-explorer")
    #expect(call.requests == 3)
    #expect(call.sentArguments == nil)
  }

  @Test("what is said of a tool is what happens to it")
  func descriptions() {
    let policy = UpstreamPolicy(
      rules: [CacheRule(tool: "cost-*", freshness: Self.hour), CacheRule(tool: "session-*", freshness: Self.hour)], pack: AWSBillingPack(),
      trustedAnnotations: Self.hour)
    #expect(policy.describe(tool("session-sql", readOnly: true)) == "passed through, whatever a rule says")
    #expect(policy.describe(tool("cost-explorer")) == "cached for 1 h, by rule, where the pack allows it")
    #expect(policy.describe(tool("budgets", readOnly: true)) == "cached: 1 h and 7 h stale")
    #expect(policy.describe(tool("tool-of-tomorrow", readOnly: true)) == "cached for 1 h, since it says it is read-only")
    #expect(policy.describe(tool("tool-of-tomorrow")) == "passed through")
  }
}
