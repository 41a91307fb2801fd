package import WeirCore
package import WeirJSON

/// `awslabs.billing-cost-management-mcp-server`: 47 tools without annotations, most of them read-only views of AWS billing APIs.
/// Cost Explorer charges $0.01 for every request that succeeds.
package struct AWSBillingPack: PolicyPack {
  package let name = "aws-billing-cost-management"
  package let providers = [
    ProviderFacts(name: "aws-cost-explorer", price: MicroUSD(10_000), rate: 2, burst: 10),
    AWSPricingPack.provider,
    ProviderFacts(name: "aws-billing", price: .zero, rate: 5, burst: 10),
  ]

  package init() {}

  package func policy(tool: Name, arguments: JSONValue?, today: CivilDate) -> CallPolicy {
    guard let operations = AWSBillingTools.table[tool] else { return CallPolicy(caching: .bypass, provider: "aws-billing") }
    guard let query = arguments ?? JSONValue.emptyObject else { return CallPolicy(caching: .bypass, provider: "aws-billing") }
    let operation = query["operation"]?.string.map { Name($0) } ?? AWSBillingTools.anyOperation
    guard let rule = operations[operation] ?? operations[AWSBillingTools.anyOperation] else {
      return CallPolicy(caching: .bypass, provider: "aws-billing")
    }
    let bypass = CallPolicy(caching: .bypass, provider: rule.provider)
    // A page token belongs to the request that gave it out.
    if let token = query["next_token"], !token.isNull { return bypass }
    guard query.kind == .object, let explicit = rule.dates.madeExplicit(in: query, today: today) else { return bypass }
    guard let canonical = AWSArguments.canonical(explicit.document.root, json: rule.jsonArguments) else { return bypass }
    return CallPolicy(
      caching: .cached(rule.freshness.value(end: explicit.end, today: today)), keyArguments: canonical,
      sentArguments: explicit.isChanged ? explicit.document.bytes : nil, provider: rule.provider, requests: Self.pages(query))
  }

  /// Every page is a request; without `max_pages` the server asks for one.
  private static func pages(_ query: JSONValue) -> Int {
    min(max(query["max_pages"]?.int ?? 1, 1), 10)
  }

  package func describe(tool: Name) -> String {
    guard let operations = AWSBillingTools.table[tool] else { return "passed through" }
    let rules = operations.sorted { $0.key < $1.key }.map { operation, rule in
      let words = rule.freshness.words
      return operation == AWSBillingTools.anyOperation ? words : "\(operation) \(words)"
    }
    return "cached: " + rules.joined(separator: ", ")
  }

  package func examine(tool: Name, result: JSONValue, isError: Bool) -> ResultVerdict {
    guard let body = AWSResultBody(result) else { return .notAnAnswer }
    if body.isThrottled { return .throttled }
    guard !isError, body.isSuccess, !body.isStoredElsewhere else { return .notAnAnswer }
    return .answer(
      bytes: body.withoutResponseMetadata(), cap: body.isEmpty ? AWSBillingCalendar.empty : body.isEstimated ? AWSBillingCalendar.open.fresh : nil,
      requests: body.pagesFetched)
  }
}
