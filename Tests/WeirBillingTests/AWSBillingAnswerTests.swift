import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("What an answer of AWS Billing and Cost Management is (issue 2)")
struct AWSBillingAnswerTests {
  let pack = AWSBillingPack()

  func verdict(_ tool: Name, _ arguments: String, _ data: String) throws -> ResultVerdict {
    pack.examine(tool: tool, arguments: try json(arguments), result: try result(#"{"status":"success","data":\#(data)}"#), isError: false)
  }

  func requests(_ tool: Name, _ arguments: String, _ data: String) throws -> Int? {
    guard case .answer(_, _, let requests) = try verdict(tool, arguments, data) else { throw Missing() }
    return requests
  }

  func cap(_ tool: Name, _ arguments: String, _ data: String) throws -> Freshness? {
    guard case .answer(_, let cap, _) = try verdict(tool, arguments, data) else { throw Missing() }
    return cap
  }

  @Test("pages are counted under both spellings of the paging member")
  func pages() throws {
    let usage = #"{"operation":"getCostAndUsage","max_pages":9}"#
    #expect(try requests("cost-explorer", usage, #"{"ResultsByTime":[{"a":1}],"Pagination":{"pages_fetched":3}}"#) == 3)
    let purchase = #"{"operation":"get_savings_plans_purchase_recommendation"}"#
    #expect(try requests("sp-recommendation", purchase, #"{"pagination":{"pages_fetched":4}}"#) == 4)
    let details = #"{"operation":"get_savings_plans_utilization_details"}"#
    #expect(try requests("sp-performance", details, #"{"savings_plans_utilization_details":[{}],"pagination":{"pages_fetched":2}}"#) == 2)
    #expect(try requests("list-billing-groups", "{}", #"{"pagination":{"pages_fetched":2}}"#) == 2)
    // Not cached, but paid for.
    #expect(try requests("cost-explorer", #"{"operation":"getCostAndUsage","next_token":"x"}"#, #"{"Pagination":{"pages_fetched":5}}"#) == 5)
  }

  @Test(
    "a coverage or utilization with rows costs one more request, for its total",
    arguments: [
      ("ri-performance", "get_reservation_coverage", "coverages_by_time"),
      ("ri-performance", "get_reservation_utilization", "utilizations_by_time"),
      ("sp-performance", "get_savings_plans_coverage", "savings_plans_coverages"),
    ])
  func totals(_ tool: String, _ operation: String, _ rows: String) throws {
    let arguments = #"{"operation":"\#(operation)"}"#
    #expect(try requests(Name(tool), arguments, #"{"\#(rows)":[{}],"pagination":{"pages_fetched":2}}"#) == 3)
    #expect(try requests(Name(tool), arguments, #"{"\#(rows)":[],"pagination":{"pages_fetched":1}}"#) == 1)
    #expect(pack.policy(tool: Name(tool), arguments: try json(arguments), today: CivilDate(year: 2026, month: 11, day: 23)).requests == 2)
  }

  @Test(
    "a comparison costs the pages that its rows need",
    arguments: [(0, "null", 1), (10, "null", 1), (11, "null", 2), (25, "10", 3), (25, "0", 3), (25, "2000", 1)])
  func comparisons(_ rows: Int, _ maxResults: String, _ expected: Int) throws {
    let list = "[" + Array(repeating: "{}", count: rows).joined(separator: ",") + "]"
    for (operation, member) in [
      ("getCostAndUsageComparisons", "cost_and_usage_comparisons"), ("getCostComparisonDrivers", "cost_comparison_drivers"),
    ] {
      let arguments = #"{"operation":"\#(operation)","max_results":\#(maxResults)}"#
      #expect(try requests("cost-comparison", arguments, #"{"\#(member)":\#(list)}"#) == expected)
    }
  }

  @Test("anomalies cost the pages that their rows need, where the page size is known")
  func anomalies() throws {
    #expect(try requests("cost-anomaly", #"{"max_results":2}"#, #"{"anomalies":[{},{},{}]}"#) == 2)
    #expect(try requests("cost-anomaly", "{}", #"{"anomalies":[{},{},{}]}"#) == nil)
  }

  @Test("details of a recommendation ask Cost Explorer only where a purchase is recommended")
  func details() throws {
    #expect(try requests("rec-details", "{}", #"{"base_recommendation":{"action_type":"PurchaseSavingsPlans"},"additional_details":{}}"#) == 1)
    #expect(try requests("rec-details", "{}", #"{"base_recommendation":{"action_type":"Rightsize"},"additional_details":{}}"#) == 0)
  }

  @Test(
    "an error inside a success is no answer",
    arguments: [
      ("rec-details", "{}", #"{"base_recommendation":{},"additional_details":{"error":"No resource ARN found in recommendation"}}"#),
      ("compute-optimizer", #"{"operation":"get_idle_recommendations"}"#, #"{"recommendations":[{}],"errors":[{"code":"AccessDenied"}]}"#),
      ("aws-pricing", #"{"operation":"get_pricing_from_api"}"#, #"{"products":[{"attributes":{"error":"Failed to parse JSON: x"}}]}"#),
      ("aws-pricing", #"{"operation":"get_pricing_from_api"}"#, #"{"products":[{"attributes":{}}],"parsing_failures":1}"#),
      // A rule may cache what the pack does not know.
      ("list-billing-groups", "{}", #"{"errors":{"us-east-1":{"error_type":"AccessDenied"}}}"#),
      ("list-billing-groups", "{}", #"{"data_stored":true,"table_name":"t"}"#),
    ])
  func partialErrors(_ tool: String, _ arguments: String, _ data: String) throws {
    #expect(try verdict(Name(tool), arguments, data) == .notAnAnswer)
  }

  @Test("empty lists of errors are none")
  func noErrors() throws {
    let arguments = #"{"operation":"get_idle_recommendations"}"#
    #expect(try cap("compute-optimizer", arguments, #"{"recommendations":[{}],"errors":[],"next_token":null}"#) == nil)
    #expect(try cap("rec-details", "{}", #"{"base_recommendation":{},"additional_details":{"errors":[]}}"#) == nil)
  }

  @Test("Cost Explorer's throttling inside the details of a recommendation is throttling")
  func throttledDetails() throws {
    let text = "An error occurred (LimitExceededException) when calling the GetSavingsPlansPurchaseRecommendation operation: slow"
    func data(_ prefix: String) -> String { #"{"additional_details":{"error":"\#(prefix)\#(text)"}}"# }
    #expect(try verdict("rec-details", "{}", data("Error getting Savings Plans recommendation: ")) == .throttled)
    #expect(try verdict("rec-details", "{}", data("Available config: ")) == .notAnAnswer)
  }

  @Test(
    "an answer with a token for its next page is given again for minutes only",
    arguments: [
      ("cost-explorer", #"{"operation":"getCostAndUsage"}"#, #"{"ResultsByTime":[{"a":1}],"NextPageToken":"x"}"#),
      ("cost-explorer", #"{"operation":"getCostAndUsage"}"#, #"{"ResultsByTime":[{"a":1}],"Pagination":{"next_token":"x"}}"#),
      ("list-cost-allocation-tags", "{}", #"{"CostAllocationTags":[{}],"NextToken":"x"}"#),
      ("cost-optimization", #"{"operation":"list_recommendations"}"#, #"{"recommendations":[{}],"nextToken":"x"}"#),
      ("compute-optimizer", #"{"operation":"get_idle_recommendations"}"#, #"{"recommendations":[{}],"next_token":"x"}"#),
      ("sp-performance", #"{"operation":"get_savings_plans_coverage"}"#, #"{"savings_plans_coverages":[{}],"pagination":{"next_token":"x"}}"#),
      ("list-billing-groups", "{}", #"{"billing_groups":[{}],"next_token":"x"}"#),
    ])
  func continued(_ tool: String, _ arguments: String, _ data: String) throws {
    #expect(try cap(Name(tool), arguments, data) == AWSBillingCalendar.continued)
  }

  @Test("a token that is null or empty asks for nothing", arguments: ["null", #""""#])
  func noToken(_ token: String) throws {
    let data = #"{"Tags":["a"],"NextPageToken":\#(token),"Pagination":{"next_token":\#(token)}}"#
    #expect(try cap("cost-explorer", #"{"operation":"getTagsOrValues"}"#, data) == nil)
  }

  @Test(
    "an answer without a row is kept for minutes only",
    arguments: [
      ("cost-explorer", "getDimensionValues", "DimensionValues"), ("cost-explorer", "getTagsOrValues", "Tags"),
      ("cost-explorer", "getCostCategories", "CostCategoryNames"), ("cost-explorer", "getCostCategories", "CostCategoryValues"),
      ("cost-explorer", "getCostForecast", "ForecastResultsByTime"),
      ("cost-explorer", "getSavingsPlansUtilization", "SavingsPlansUtilizationsByTime"),
      ("cost-explorer", "getCostAndUsage", "ResultsByTime"), ("cost-anomaly", "", "anomalies"), ("budgets", "", "budgets"),
      ("cost-comparison", "getCostComparisonDrivers", "cost_comparison_drivers"), ("ri-performance", "get_reservation_coverage", "coverages_by_time"),
      ("cost-optimization", "list_recommendation_summaries", "summaries"), ("free-tier-usage", "get_free_tier_usage", "freeTierUsages"),
      ("list-cost-category-definitions", "", "CostCategoryReferences"),
    ])
  func empty(_ tool: String, _ operation: String, _ rows: String) throws {
    let arguments = operation.isEmpty ? "{}" : #"{"operation":"\#(operation)"}"#
    #expect(try cap(Name(tool), arguments, #"{"\#(rows)":[]}"#) == AWSBillingCalendar.empty)
    #expect(try cap(Name(tool), arguments, #"{"\#(rows)":[{"a":1}]}"#) == nil)
  }

  @Test("an answer without a status is none of a cached tool, and one of a tool that is passed through")
  func withoutStatus() throws {
    let plain = try result(#"{"rows":[1]}"#)
    let text = try json(#"{"content":[{"type":"text","text":"hello"}]}"#)
    for result in [plain, text] {
      #expect(pack.examine(tool: "budgets", arguments: nil, result: result, isError: false) == .notAnAnswer)
      for tool: Name in ["session-sql", "tool-of-tomorrow"] {
        #expect(pack.examine(tool: tool, arguments: nil, result: result, isError: false) == .answer(bytes: nil, cap: nil, requests: nil))
        #expect(pack.examine(tool: tool, arguments: nil, result: result, isError: true) == .notAnAnswer)
      }
    }
    let failed = try result(#"{"status":"error","message":"x"}"#)
    #expect(pack.examine(tool: "session-sql", arguments: nil, result: failed, isError: false) == .notAnAnswer)
  }

  @Test("a success does not throttle, whatever its rows are called")
  func noThrottle() throws {
    #expect(try cap("budgets", "{}", #"{"budgets":[{}],"error_type":"ThrottlingException"}"#) == nil)
  }
}
