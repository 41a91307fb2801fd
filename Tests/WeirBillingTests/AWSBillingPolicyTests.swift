import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("What the pack for AWS Billing says before a call (issue 2)")
struct AWSBillingPolicyTests {
  let pack = AWSBillingPack()
  let today = CivilDate(year: 2026, month: 11, day: 23)

  func policy(_ tool: Name, _ arguments: String, day: Int = 23) throws -> CallPolicy {
    pack.policy(tool: tool, arguments: try json(arguments), today: CivilDate(year: 2026, month: 11, day: day))
  }

  @Test(
    "a request to Cost Explorer is paid for there, cached or not",
    arguments: [
      ("sp-purchase-analyzer", #"{"operation":"start_commitment_purchase_analysis"}"#),
      ("sp-purchase-analyzer", #"{"operation":"list_commitment_purchase_analyses"}"#),
      ("sp-recommendation", #"{"operation":"start_savings_plans_purchase_recommendation_generation"}"#),
      ("sp-recommendation", #"{"operation":"list_savings_plans_purchase_recommendation_generation"}"#),
      ("list-cost-allocation-tag-backfill-history", "{}"), ("describe-cost-category-definition", #"{"cost_category_arn":"a"}"#),
      ("rec-details", #"{"recommendation_id":"a"}"#), ("cost-explorer", #"{"operation":"nonesuch"}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage","next_token":"x"}"#), ("cost-comparison", "{}"), ("cost-anomaly", "{}"),
      ("ri-performance", "{}"), ("sp-performance", "{}"), ("list-cost-allocation-tags", "{}"), ("list-cost-category-definitions", "{}"),
    ])
  func providers(_ tool: String, _ arguments: String) throws {
    #expect(try policy(Name(tool), arguments).provider == "aws-cost-explorer")
  }

  @Test("other tools are free", arguments: ["session-sql", "budgets", "credits", "invoicing", "tool-of-tomorrow"])
  func free(_ tool: String) throws {
    #expect(try policy(Name(tool), "{}").provider == "aws-billing")
  }

  @Test("a null is left out where the server's default is none, and kept everywhere else")
  func nulls() throws {
    let plain = try policy("cost-explorer", #"{"operation":"getCostAndUsage"}"#).keyArguments
    for name in ["metrics", "group_by", "filter", "next_token", "max_pages", "billing_view_arn", "context", "start_date"] {
      #expect(try policy("cost-explorer", #"{"operation":"getCostAndUsage","\#(name)":null}"#).keyArguments == plain)
    }
    for name in ["granularity", "prediction_interval_level", "nonesuch"] {
      #expect(try policy("cost-explorer", #"{"operation":"getCostAndUsage","\#(name)":null}"#).keyArguments != plain)
    }
    #expect(try policy("budgets", #"{"max_results":null}"#).keyArguments != policy("budgets", "{}").keyArguments)
    #expect(try policy("budgets", #"{"account_id":null}"#).keyArguments == policy("budgets", "{}").keyArguments)
  }

  @Test(
    "a text is read as JSON only where the server reads it so",
    arguments: [
      // Plain text, and a text of another kind than the argument takes.
      ("cost-explorer", #""operation":"getCostAndUsage","metrics""#, #""UnblendedCost""#, #"["UnblendedCost"]"#),
      ("cost-explorer", #""operation":"getCostAndUsage","metrics""#, #""{\"a\":1}""#, #"{"a":1}"#),
      ("cost-explorer", #""operation":"getCostAndUsage","filter""#, #""[1]""#, "[1]"),
      ("cost-explorer", #""operation":"getCostAndUsage","group_by""#, #""null""#, "null"),
      // Their tools take texts alone, or values alone.
      ("ri-performance", #""operation":"get_reservation_coverage","group_by""#, #""[1]""#, "[1]"),
      ("sp-performance", #""operation":"get_savings_plans_coverage","filter""#, #""{}""#, "{}"),
      ("sp-recommendation", #""operation":"get_savings_plans_purchase_recommendation","filter""#, #""{}""#, "{}"),
      ("aws-pricing", #""operation":"get_pricing_from_api","filters""#, #""[1]""#, "[1]"),
    ])
  func texts(_ tool: String, _ prefix: String, _ text: String, _ value: String) throws {
    let (left, right) = (try policy(Name(tool), "{\(prefix):\(text)}"), try policy(Name(tool), "{\(prefix):\(value)}"))
    #expect(left.freshness != nil && right.freshness != nil)
    #expect(left.keyArguments != right.keyArguments)
  }

  @Test(
    "an hour of a day is read exactly, and what is not one is never cached",
    arguments: [
      ("2026-11-01T00:00:00Z", AWSBillingCalendar.closed), ("2026-11-01T01:00:00Z", AWSBillingCalendar.openSettled),
      ("2026-11-01T24:00:00Z", nil), ("2026-11-01T00:00:00", nil), ("2026-11-01T00:00:00+01", nil), ("2026-11-31T00:00:00Z", nil),
      ("2026-11-01t00:00:00Z", nil), ("2026-11-01T0a:00:00Z", nil),
    ])
  func hours(_ end: String, _ expected: Freshness?) throws {
    let arguments = #"{"operation":"getCostAndUsage","granularity":"HOURLY","start_date":"2026-10-31T00:00:00Z","end_date":"\#(end)"}"#
    let policy = try policy("cost-explorer", arguments)
    #expect(policy.caching == expected.map { .cached($0) } ?? .never)
  }

  @Test(
    "a comparison lives as long as the newer of its months",
    arguments: [("2026-09-01", "2026-11-01"), ("2026-11-01", "2026-09-01")])
  func comparisons(_ baseline: String, _ comparison: String) throws {
    let arguments =
      #"{"operation":"getCostAndUsageComparisons","baseline_end_date":"\#(baseline)","comparison_end_date":"\#(comparison)"}"#
    #expect(try policy("cost-comparison", arguments, day: 5).freshness == AWSBillingCalendar.closing)
    #expect(try policy("cost-comparison", arguments, day: 23).freshness == AWSBillingCalendar.closed)
  }

  @Test("recommended purchases are kept for a quarter of an hour at most, and never stale")
  func purchases() throws {
    for operation in ["get_savings_plans_purchase_recommendation", "get_savings_plan_purchase_recommendation_details"] {
      let freshness = try #require(try policy("sp-recommendation", #"{"operation":"\#(operation)"}"#).freshness)
      #expect(freshness.fresh <= .minutes(15) && freshness.stale == .zero)
    }
  }

  @Test("tools are described by what is known of them")
  func descriptions() {
    #expect(pack.describe(tool: "session-sql") == "passed through, whatever a rule says")
    #expect(pack.describe(tool: "tool-of-tomorrow") == "passed through")
    #expect(pack.describe(tool: "budgets") == "cached: 1 h and 7 h stale")
    #expect(pack.describe(tool: "sp-recommendation").hasSuffix("; other operations are passed through"))
  }
}
