package import WeirCore
package import WeirJSON

/// The tools of the Azure Resource Manager MCP server's toolsets `CostManagement` and `Pricing`
/// (github.com/Azure/Azure-Resource-Manager-MCP, docs/CostManagementAndPricingTools.md). Free of charge, and throttled more than any other.
package struct AzureCostPack: PolicyPack {
  package let name = "azure-cost-management"
  /// A query costs one QPU for each month of its range: 12 in 10 s, 60 in a minute and 600 in an hour for a tenant. One a second with two at
  /// once stays within the first two; every window can be configured (`limits`).
  package let providers = [
    ProviderFacts(name: "azure-cost-management", price: .zero, rate: 1, burst: 2), AzureCostPack.retail,
  ]
  package let calendar: any BillingCalendar = AzureBillingCalendar()

  private static let retail = ProviderFacts(name: "azure-retail-prices", price: .zero, rate: 5, burst: 10)

  package init() {}

  /// How answers age, and whether a call without dates means another thing on every day.
  private static let table: [Name: (kind: FreshnessClass, isDated: Bool)] = [
    "query_costs": (.open, true), "query_aks_costs": (.open, true), "forecast_costs": (.forecast, true), "list_dimensions": (.lists, true),
    "list_benefit_utilization": (.open, true), "list_reservation_transactions": (.alerts, true), "list_budgets": (.alerts, false),
    "get_budget": (.alerts, false), "list_alerts": (.alerts, false), "get_benefit_recommendations": (.recommendations, true),
    "get_retail_prices": (.prices, false),
  ]

  /// They write, start something, or are polled for its state.
  private static let refused: Set<Name> = [
    "create_budget", "start_pricesheet_download", "get_pricesheet_status", "create_template_deployment", "get_arm_template_deployment_status",
    "cancel_arm_template_deployment",
  ]

  package func policy(tool: Name, arguments: JSONValue?, context: PolicyContext) -> CallPolicy {
    let provider = tool == "get_retail_prices" ? Self.retail.name : nil
    guard let query = arguments ?? JSONValue.emptyObject, query.kind == .object else { return CallPolicy(caching: .never, provider: provider) }
    guard !Self.isContinuation(query) else { return CallPolicy(caching: .never, provider: provider) }
    guard let (kind, isDated) = Self.table[tool] else { return CallPolicy(caching: Self.refused.contains(tool) ? .never : .bypass) }
    if tool == "query_costs", let query = AzureCostQuery(query) {
      return CallPolicy(
        caching: .cached(context.freshness.freshness(of: query.range, today: context.today)), keyArguments: query.arguments(),
        requests: query.months, merging: AzureCostMerge.call(query, today: context.today))
    }
    guard let canonical = try? query.canonical() else { return CallPolicy(caching: .never, provider: provider) }
    return CallPolicy(
      caching: .cached(context.freshness[kind]), keyArguments: isDated ? DatedKey.bytes(canonical, context.today) : canonical, provider: provider)
  }

  package func knowledge(of tool: Name) -> ToolKnowledge {
    Self.table[tool] != nil ? .cached : Self.refused.contains(tool) ? .refused : .unknown
  }

  package func describe(tool: Name, freshness: FreshnessTable) -> String {
    switch knowledge(of: tool) {
    case .cached where tool == "query_costs": "cached by the days asked for; for a relative period \(freshness[.open].words)"
    case .cached: "cached for \(Self.table[tool].map { freshness[$0.kind].words } ?? "")"
    case .refused: "passed through, whatever a rule says"
    case .unknown: "passed through"
    }
  }

  package func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool, freshness: FreshnessTable) -> ResultVerdict {
    let text = result["content"]?[0]?["text"]?.stringBytes ?? []
    // As the server words it; what a caller wrote cannot stand before it.
    if text.starts(with: "Rate limited by ".utf8) { return .throttled }
    let structured = result["structuredContent"].flatMap { $0.isNull ? nil : $0 }
    let body = structured ?? (try? JSONDocument(parsing: text, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)))?.root
    if let code = body?["error"]?["code"], ["429", "TooManyRequests"].contains(where: code.isString) { return .throttled }
    guard !isError, let body, body.kind == .object || body.kind == .array, body["error"].map({ $0.isNull }) ?? true else { return .notAnAnswer }
    guard Self.table[tool] != nil else { return .answer(bytes: nil, cap: nil, requests: nil) }
    let holder = body["properties"] ?? body
    let isEmpty = holder["rows"].map { $0.kind == .array && $0.count == 0 } ?? (body.kind == .array && body.count == 0)
    let isContinued = ["nextLink", "NextPageLink", "nextPageLink", "continuationToken"].contains { name in
      holder[name].map { !$0.isNull && !$0.isString("") } ?? false
    }
    return .answer(bytes: nil, cap: freshness.cap(isEmpty: isEmpty, isContinued: isContinued), requests: nil)
  }

  private static func isContinuation(_ arguments: JSONValue) -> Bool {
    arguments.members.contains { name, value in
      guard !value.isNull, let name = name.string.map({ Name($0).withoutCase }) else { return false }
      return ["*skip*token*", "*next*", "*continu*"].contains { Glob.matches($0.utf8, name.utf8) }
    }
  }
}
