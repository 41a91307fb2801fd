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
    #expect(policy.policy(tool: tool("get", readOnly: true), arguments: nil, now: now).caching == .cached(Freshness(fresh: .minutes(10), stale: .zero)))
    #expect(policy.policy(tool: tool("set", readOnly: false), arguments: nil, now: now).caching == .bypass)
  }

  @Test("a rule changes how long a pack's tool is kept, not what its key is")
  func ruleOverPack() throws {
    let plain = UpstreamPolicy(pack: AWSBillingPack())
    let ruled = UpstreamPolicy(rules: [CacheRule(tool: "cost-*", freshness: Freshness(fresh: .minutes(1), stale: .zero))], pack: AWSBillingPack())
    let arguments = try json(#"{"operation":"getCostAndUsage","metrics":"[\"UnblendedCost\"]"}"#)
    let (left, right) = (
      plain.policy(tool: tool("cost-explorer"), arguments: arguments, now: now), ruled.policy(tool: tool("cost-explorer"), arguments: arguments, now: now)
    )
    #expect(left.keyArguments == right.keyArguments)
    #expect(right.caching == .cached(Freshness(fresh: .minutes(1), stale: .zero)))
    #expect(right.sentArguments != nil)
  }
}
