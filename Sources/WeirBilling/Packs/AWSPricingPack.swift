package import WeirCore
package import WeirJSON

/// `awslabs.aws-pricing-mcp-server`: the AWS Price List. Free of charge, throttled without a published limit.
package struct AWSPricingPack: PolicyPack {
  package static let provider = ProviderFacts(name: "aws-pricing", price: .zero, rate: 5, burst: 10)

  package let name = "aws-pricing"
  package let providers = [AWSPricingPack.provider]

  package init() {}

  /// The tools that read the price list. The others read local files (`analyze_…_project`), write one (`generate_cost_report`), or need no
  /// provider at all (`get_bedrock_patterns`).
  private static let cached: Set<Name> = [
    "get_pricing", "get_pricing_service_codes", "get_pricing_service_attributes", "get_pricing_attribute_values", "get_price_list_urls",
  ]

  private static let jsonArguments: Set<Name> = ["filters", "region", "output_options", "attribute_names"]

  package func policy(tool: Name, arguments: JSONValue?, today: CivilDate) -> CallPolicy {
    let bypass = CallPolicy(caching: .bypass)
    guard Self.cached.contains(tool), let query = arguments ?? JSONValue.emptyObject, query.kind == .object else { return bypass }
    if let token = query["next_token"], !token.isNull { return bypass }
    // Without a date `get_price_list_urls` answers for the day it is asked on.
    if tool == "get_price_list_urls", query["effective_date"]?.isNull ?? true { return bypass }
    guard let canonical = AWSArguments.canonical(query, json: Self.jsonArguments) else { return bypass }
    return CallPolicy(caching: .cached(AWSBillingCalendar.prices), keyArguments: canonical)
  }

  package func describe(tool: Name) -> String {
    Self.cached.contains(tool) ? "cached for \(AWSBillingCalendar.prices.words)" : "passed through"
  }

  package func examine(tool: Name, result: JSONValue, isError: Bool) -> ResultVerdict {
    if let body = AWSResultBody(result) {
      if body.isThrottled { return .throttled }
      guard !isError, body.isSuccess else { return .notAnAnswer }
      return .answer(bytes: nil, cap: body.isEmpty ? AWSBillingCalendar.empty : nil, requests: nil)
    }
    // Lists of names come without a status.
    if isError { return .notAnAnswer }
    return .answer(bytes: nil, cap: nil, requests: nil)
  }
}
