package import WeirCore
package import WeirJSON

/// `awslabs.billing-cost-management-mcp-server`: 47 tools without annotations, most of them read-only views of AWS billing APIs.
/// Cost Explorer charges $0.01 for every request that succeeds.
package struct AWSBillingPack: PolicyPack {
  package let name = "aws-billing-cost-management"
  package let providers = [
    ProviderFacts(name: AWSBillingTools.explorer, price: MicroUSD(10_000), rate: 2, burst: 10),
    AWSPricingPack.provider,
    ProviderFacts(name: AWSBillingTools.billing, price: .zero, rate: 5, burst: 10),
  ]
  package let calendar: any BillingCalendar = AWSBillingCalendar()
  private let book = CostBook()

  package init() {}

  package func policy(tool: Name, arguments: JSONValue?, context: PolicyContext) -> CallPolicy {
    let provider = AWSBillingTools.provider(tool)
    guard let query = arguments ?? JSONValue.emptyObject, query.kind == .object else { return CallPolicy(caching: .never, provider: provider) }
    if let rule = Self.rule(tool, query) { return rule.policy(query, context, book) }
    let isUnknown = knowledge(of: tool) == .unknown && !AWSArguments.havePageToken(query)
    return CallPolicy(caching: isUnknown ? .bypass : .never, provider: provider, requests: AWSRequestCount.estimate(query))
  }

  package func knowledge(of tool: Name) -> ToolKnowledge {
    AWSBillingTools.table[tool] != nil ? .cached : AWSBillingTools.refused.contains(tool) ? .refused : .unknown
  }

  package func describe(tool: Name, freshness: FreshnessTable) -> String {
    guard let operations = AWSBillingTools.table[tool] else {
      return knowledge(of: tool) == .refused ? "passed through, whatever a rule says" : "passed through"
    }
    let rules = operations.sorted { $0.key < $1.key }.map { operation, rule in
      let words = rule.freshness.words(freshness)
      return operation == AWSBillingTools.anyOperation ? words : "\(operation) \(words)"
    }
    let rest = operations[AWSBillingTools.anyOperation] == nil ? "; other operations are passed through" : ""
    return "cached: " + rules.joined(separator: ", ") + rest
  }

  package func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool, freshness: FreshnessTable) -> ResultVerdict {
    let body = AWSResultBody(result)
    if body.isThrottled { return .throttled }
    guard !isError, !body.isFailure else { return .notAnAnswer }
    let query = arguments ?? JSONValue.emptyObject
    if let query, let rule = Self.rule(tool, query), !AWSArguments.havePageToken(query) {
      if tool == "rec-details", let data = body.data, AWSPartialErrors.isThrottledDetail(data) { return .throttled }
      return rule.examine(body, arguments: arguments, freshness)
    }
    let requests = body.data.flatMap { AWSRequestCount.pagesFetched($0, arguments) }
    guard knowledge(of: tool) == .unknown else { return .answer(bytes: nil, cap: nil, requests: requests) }
    // A rule may cache what is not known here: what would be no answer of a known tool is none of an unknown one.
    if body.isStoredElsewhere || (body.data.map(AWSPartialErrors.anywhere) ?? false) { return .notAnAnswer }
    return .answer(bytes: body.withoutResponseMetadata(), cap: freshness.cap(isContinued: body.isContinued), requests: requests)
  }

  package func learn(tool: Name, arguments: JSONValue?, result: JSONValue) {
    guard tool == "cost-explorer", let arguments, let data = AWSResultBody(result).data else { return }
    book.learn(arguments, data)
  }

  private static func rule(_ tool: Name, _ query: JSONValue) -> AWSToolRule? {
    guard let operations = AWSBillingTools.table[tool] else { return nil }
    let operation = query["operation"]?.string.map { Name($0) } ?? AWSBillingTools.anyOperation
    return operations[operation] ?? operations[AWSBillingTools.anyOperation]
  }
}
