import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("The pack for AWS Billing and Cost Management (issue 2)")
struct AWSBillingPackTests {
  let pack = AWSBillingPack()
  let today = CivilDate(year: 2026, month: 11, day: 23)

  func policy(_ tool: Name, _ arguments: String, today: CivilDate? = nil) throws -> CallPolicy {
    pack.policy(tool: tool, arguments: try json(arguments), today: today ?? self.today)
  }

  @Test(
    "arguments that mean the same have the same key",
    arguments: [
      (
        #"{"operation":"getCostAndUsage","start_date":"2026-10-01","end_date":"2026-11-01","metrics":["UnblendedCost"]}"#,
        #"{"metrics":"[\"UnblendedCost\"]","end_date":"2026-11-01","start_date":"2026-10-01","operation":"getCostAndUsage"}"#
      ),
      (
        #"{"operation":"getCostAndUsage","start_date":"2026-10-01","end_date":"2026-11-01","filter":{"Dimensions":{"Key":"SERVICE","Values":["a"]}}}"#,
        #"{"operation":"getCostAndUsage","start_date":"2026-10-01","end_date":"2026-11-01","group_by":null,"filter":"{\"Dimensions\": {\"Values\":[\"a\"], \"Key\":\"SERVICE\"}}"}"#
      ),
      (
        #"{"operation":"getCostAndUsage"}"#,
        #"{"operation":"getCostAndUsage","start_date":"2026-10-24","end_date":"2026-11-23"}"#
      ),
      (
        #"{"operation":"getCostForecast","metric":"UNBLENDED_COST"}"#,
        #"{"operation":"getCostForecast","metric":"UNBLENDED_COST","start_date":"2026-11-24","end_date":"2027-02-22"}"#
      ),
    ])
  func sameMeaning(_ left: String, _ right: String) throws {
    let (left, right) = (try policy("cost-explorer", left), try policy("cost-explorer", right))
    #expect(left.freshness != nil)
    #expect(left.keyArguments == right.keyArguments)
    #expect(!left.keyArguments.isEmpty)
  }

  @Test(
    "arguments that differ have different keys",
    arguments: [
      (
        #"{"operation":"getCostAndUsage","group_by":[{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"DIMENSION","Key":"REGION"}]}"#,
        #"{"operation":"getCostAndUsage","group_by":[{"Type":"DIMENSION","Key":"REGION"},{"Type":"DIMENSION","Key":"SERVICE"}]}"#
      ),
      (#"{"operation":"getCostAndUsage","billing_view_arn":"a"}"#, #"{"operation":"getCostAndUsage","billing_view_arn":"b"}"#),
      (#"{"operation":"getCostAndUsage","end_date":"2026-11-22"}"#, #"{"operation":"getCostAndUsage","end_date":"2026-11-23"}"#),
      // A text that looks like JSON stays a text where the server does not parse it.
      (
        #"{"operation":"getDimensionValues","dimension":"SERVICE","search_string":"[1]"}"#,
        #"{"operation":"getDimensionValues","dimension":"SERVICE","search_string":"[ 1]"}"#
      ),
    ])
  func differentMeaning(_ left: String, _ right: String) throws {
    #expect(try policy("cost-explorer", left).keyArguments != policy("cost-explorer", right).keyArguments)
  }

  @Test("the question without dates is another question tomorrow, and is sent with its dates")
  func defaultDates() throws {
    let question = #"{"operation":"getCostAndUsage","granularity":"DAILY"}"#
    let now = try policy("cost-explorer", question)
    let tomorrow = try policy("cost-explorer", question, today: today + 1)
    #expect(now.keyArguments != tomorrow.keyArguments)
    let sent = try JSONDocument(parsing: try #require(now.sentArguments)).root
    #expect(sent["start_date"]?.string == "2026-10-24")
    #expect(sent["end_date"]?.string == "2026-11-23")
    #expect(sent["granularity"]?.string == "DAILY")
  }

  @Test("arguments with their dates are sent as they came")
  func explicitDates() throws {
    let arguments = #"{"operation":"getDimensionValues","dimension":"SERVICE","start_date":"2026-10-01","end_date":"2026-11-01"}"#
    #expect(try policy("cost-explorer", arguments).sentArguments == nil)
  }

  @Test(
    "what writes, holds state, continues or cannot be read is never cached",
    arguments: [
      ("session-sql", #"{"query":"SELECT 1"}"#),
      ("storage-lens", #"{"query":"SELECT 1"}"#),
      ("sp-purchase-analyzer", #"{"operation":"start_commitment_purchase_analysis"}"#),
      ("sp-recommendation", #"{"operation":"start_savings_plans_purchase_recommendation_generation"}"#),
      ("compute-optimizer-automation", #"{"operation":"create_automation_rule"}"#),
      ("cost-optimization", #"{"operation":"list_efficiency_metrics"}"#),
      ("cost-explorer", #"{"operation":"deleteEverything"}"#),
      ("cost-explorer", #"{}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage","next_token":"abc"}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage","start_date":"yesterday"}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage","start_date":"2026-02-30","end_date":"2026-03-01"}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage","next_token":""}"#),
      ("sp-recommendation", #"{"operation":"get_savings_plans_purchase_recommendation","next_page_token":"x"}"#),
      ("list-billing-groups", #"{"nextToken":"x"}"#),
      ("cost-explorer", #"{"operation":"getCostForecast","start_date":"2026-11-24T00:00:00Z"}"#),
      ("cost-comparison", #"{"operation":"getCostComparisonDrivers","comparison_end_date":"2026-11-01"}"#),
      ("cost-explorer", "[]"),
    ])
  func refused(_ tool: String, _ arguments: String) throws {
    #expect(try policy(Name(tool), arguments).caching == .never)
  }

  @Test(
    "an answer lives as long as its newest day stays as it is",
    arguments: [
      ("2026-09-01", "2026-10-01", 23, AWSBillingCalendar.closed),
      ("2026-10-01", "2026-11-01", 23, AWSBillingCalendar.closed),
      ("2026-10-01", "2026-11-01", 9, AWSBillingCalendar.closing),
      ("2026-10-01", "2026-11-01", 10, AWSBillingCalendar.closed),
      ("2026-10-01", "2026-11-02", 23, AWSBillingCalendar.openSettled),
      ("2026-11-01", "2026-11-24", 23, AWSBillingCalendar.open),
      ("2026-11-01", "2026-12-01", 23, AWSBillingCalendar.forecast),
    ])
  func freshness(_ start: String, _ end: String, _ day: Int, _ expected: Freshness) throws {
    let arguments = #"{"operation":"getCostAndUsage","start_date":"\#(start)","end_date":"\#(end)"}"#
    let policy = try policy("cost-explorer", arguments, today: CivilDate(year: 2026, month: 11, day: day))
    #expect(policy.caching == .cached(expected))
  }

  @Test("January looks back at December of the year before")
  func newYear() throws {
    let arguments = #"{"operation":"getCostAndUsage","start_date":"2026-12-01","end_date":"2027-01-01"}"#
    #expect(try policy("cost-explorer", arguments, today: CivilDate(year: 2027, month: 1, day: 5)).caching == .cached(AWSBillingCalendar.closing))
    #expect(try policy("cost-explorer", arguments, today: CivilDate(year: 2027, month: 1, day: 10)).caching == .cached(AWSBillingCalendar.closed))
  }

  @Test("every tool is paid for by the provider that it calls")
  func providers() throws {
    #expect(try policy("cost-explorer", #"{"operation":"getCostAndUsage"}"#).provider == "aws-cost-explorer")
    #expect(try policy("aws-pricing", #"{"operation":"get_service_codes"}"#).provider == "aws-pricing")
    #expect(try policy("budgets", "{}").provider == "aws-billing")
    #expect(try policy("cost-explorer", #"{"operation":"getCostAndUsage","max_pages":3}"#).requests == 3)
  }

  enum Expected: Equatable { case answer, short, estimated, notAnAnswer, throttled }

  @Test(
    "real answers are told from real errors",
    arguments: [
      ("billing-cost-grouped", Expected.answer), ("billing-cost-total", .answer), ("billing-cost-open-month", .estimated),
      ("billing-cost-empty", .short), ("billing-dimension-values", .answer), ("billing-tags", .answer), ("billing-forecast", .answer),
      ("billing-budgets", .answer), ("billing-pricing-tool", .answer), ("billing-cost-max-pages", .short), ("billing-cost-next-page", .short),
      ("billing-cost-categories", .answer), ("billing-session-sql", .answer), ("billing-session-sql-error", .notAnAnswer),
      ("billing-data-stored", .notAnAnswer), ("billing-throttled", .throttled), ("billing-bad-period", .notAnAnswer),
      ("billing-unknown-operation", .notAnAnswer), ("billing-unknown-metric", .notAnAnswer), ("billing-missing-argument", .notAnAnswer),
      ("billing-unknown-tool", .notAnAnswer),
    ])
  func verdicts(_ recording: String, _ expected: Expected) throws {
    let verdict = try RecordedCall(recording).examined(by: pack)
    let found: Expected =
      switch verdict {
      case .answer(_, nil, _): .answer
      case .answer(_, AWSBillingCalendar.empty?, _): .short
      case .answer(_, _?, _): .estimated
      case .notAnAnswer: .notAnAnswer
      case .throttled: .throttled
      }
    #expect(found == expected)
  }

  @Test("what differs on every call is left out, and nothing else changes")
  func responseMetadata() throws {
    let call = try RecordedCall("billing-cost-grouped")
    let result = call.result
    guard case .answer(let bytes?, _, _) = call.examined(by: pack) else {
      Issue.record("the answer is not rewritten")
      return
    }
    let rewritten = try JSONDocument(parsing: bytes).root
    for root in [rewritten["structuredContent"], try JSONDocument(parsing: try #require(rewritten["content"]?[0]?["text"]?.stringBytes)).root] {
      #expect(root?["data"]?["ResponseMetadata"] == nil)
      #expect(root?["data"]?["ResultsByTime"]?.raw == result["structuredContent"]?["data"]?["ResultsByTime"]?.raw)
      #expect(root?["status"]?.string == "success")
    }
    #expect(rewritten["isError"]?.bool == false)
    #expect(rewritten["content"]?[0]?["type"]?.string == "text")
  }

  @Test("pages that the server fetched are counted")
  func pages() throws {
    let verdict = try RecordedCall("billing-cost-max-pages").examined(by: pack)
    guard case .answer(_, _, let requests) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(requests == 2)
  }
}
