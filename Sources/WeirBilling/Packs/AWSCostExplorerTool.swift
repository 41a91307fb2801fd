internal import WeirCore
internal import WeirJSON

/// The operations of the tool `cost-explorer`: one request to Cost Explorer for each page.
enum AWSCostExplorerTool {
  static let operations: [Name: AWSToolRule] = [
    "getCostAndUsage": usage,
    "getCostAndUsageWithResources": rule(.billing, .range(days: 7), ["ResultsByTime"]),
    "getDimensionValues": rule(.fixed(.lists), .range(days: 30), ["DimensionValues"]),
    "getTagsOrValues": rule(.fixed(.lists), .range(days: 30), ["Tags"]),
    "getCostCategories": rule(
      .fixed(.lists), .range(days: 30), ["CostCategoryNames", "CostCategoryValues", "CostCategories"]),
    "getSavingsPlansUtilization": rule(.billing, .range(days: 30), ["SavingsPlansUtilizationsByTime"]),
    "getCostForecast": rule(.fixed(.forecast), .forecast(days: 90), ["ForecastResultsByTime"]),
    "getUsageForecast": rule(.fixed(.forecast), .forecast(days: 90), ["ForecastResultsByTime"]),
  ]

  /// `metrics`, `group_by` and `filter` are `Union[str, …]` in the server, which reads a text as JSON; a text that is none is its own value.
  private static let arguments = AWSArguments(
    nullable: [
      "start_date", "end_date", "metrics", "group_by", "filter", "dimension", "search_string", "max_results", "next_token", "max_pages", "metric",
      "tag_key", "cost_category_name", "billing_view_arn", "context",
    ], json: ["metrics": .array, "group_by": .array, "filter": .object])

  private static let usage: AWSToolRule = {
    var rule = Self.rule(.billing, .range(days: 30), ["ResultsByTime"])
    rule.understand = { CostQuery($0) }
    return rule
  }()

  private static func rule(_ freshness: AWSToolRule.Aging, _ dates: AWSDates, _ rows: [String]) -> AWSToolRule {
    AWSToolRule(provider: AWSBillingTools.explorer, freshness: freshness, arguments: arguments, dates: dates, rows: rows)
  }
}
