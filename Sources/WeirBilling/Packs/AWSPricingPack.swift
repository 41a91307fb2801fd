package import WeirCore
package import WeirJSON

/// `awslabs.aws-pricing-mcp-server`: the AWS Price List. Free of charge, throttled without a published limit.
package struct AWSPricingPack: PolicyPack {
  package static let provider = ProviderFacts(name: "aws-pricing", price: .zero, rate: 5, burst: 10)

  package let name = "aws-pricing"
  package let providers = [AWSPricingPack.provider]
  package let calendar: any BillingCalendar = AWSBillingCalendar()

  private let book = PriceBook()

  package init() {}

  /// The tools that read the price list. The server reads a text as JSON wherever the argument's type is not `str` itself, so that a list or an
  /// object may come as its text.
  private static let table: [Name: AWSToolRule] = [
    "get_pricing": rule(
      .status, nullable: ["region", "filters", "output_options", "next_token"],
      json: ["region": .array, "filters": .array, "output_options": .object]),
    "get_pricing_service_codes": rule(.names, nullable: ["filter"]),
    "get_pricing_service_attributes": rule(.names, nullable: ["filter"]),
    "get_pricing_attribute_values": rule(.lists, nullable: ["filters"], json: ["attribute_names": .array, "filters": .object]),
    // Without a date the server asks for the price list of the minute.
    "get_price_list_urls": rule(.addresses, nullable: [], dates: .moment("effective_date")),
  ]

  /// They read local files, write one, or need no provider at all.
  private static let refused: Set<Name> = ["analyze_cdk_project", "analyze_terraform_project", "generate_cost_report", "get_bedrock_patterns"]

  private static func rule(
    _ shape: AWSToolRule.Shape, nullable: Set<Name>, json: [Name: JSONKind] = [:], dates: AWSDates = .none
  ) -> AWSToolRule {
    AWSToolRule(
      provider: provider.name, freshness: .fixed(.prices), arguments: AWSArguments(nullable: nullable, json: json),
      dates: dates, shape: shape)
  }

  package func policy(tool: Name, arguments: JSONValue?, context: PolicyContext) -> CallPolicy {
    guard let query = arguments ?? JSONValue.emptyObject, query.kind == .object else { return CallPolicy(caching: .never) }
    if let rule = Self.table[tool] {
      var policy = rule.policy(query, context)
      if tool == "get_pricing", case .cached = policy.caching { policy.merging = merging(policy.keyArguments) }
      return policy
    }
    let isUnknown = knowledge(of: tool) == .unknown && !AWSArguments.havePageToken(query)
    return CallPolicy(caching: isUnknown ? .bypass : .never)
  }

  private func merging(_ canonical: [UInt8]) -> MergeableCall? {
    guard let arguments = try? JSONDocument(parsing: canonical).root, let query = AWSPricingQuery(arguments) else { return nil }
    return MergeableCall(group: PricingMerge.group(query), rule: PricingMerge(book: book), query: query)
  }

  package func knowledge(of tool: Name) -> ToolKnowledge {
    Self.table[tool] != nil ? .cached : Self.refused.contains(tool) ? .refused : .unknown
  }

  package func describe(tool: Name, freshness: FreshnessTable) -> String {
    switch knowledge(of: tool) {
    case .cached: "cached for \(freshness[.prices].words)"
    case .refused: "passed through, whatever a rule says"
    case .unknown: "passed through"
    }
  }

  package func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool, freshness: FreshnessTable) -> ResultVerdict {
    let body = AWSResultBody(result)
    if AWSPricingErrors.isThrottled(body, tool: tool) { return .throttled }
    // The server returns its errors as dictionaries, without `isError`.
    guard !isError, !body.isFailure else { return .notAnAnswer }
    let hasToken = arguments.map(AWSArguments.havePageToken) ?? false
    if let rule = Self.table[tool], !hasToken { return rule.examine(body, arguments: arguments, freshness) }
    return .answer(bytes: nil, cap: freshness.cap(isContinued: body.isContinued), requests: nil)
  }

  package func learn(tool: Name, arguments: JSONValue?, result: JSONValue) {
    guard tool == "get_pricing", let arguments, let body = AnswerBody(result, wrapper: "result")?.values.first else { return }
    book.learn(arguments, body)
  }
}
