package import WeirCore
package import WeirJSON

/// The Vantage MCP server (github.com/vantage-sh/vantage-mcp-server): one tool whose questions are known; all others by rules, or by their
/// annotations where the operator trusts them.
package struct VantagePack: PolicyPack {
  package let name = "vantage"
  package let providers = [ProviderFacts(name: "vantage", price: .zero, rate: 1, burst: 5)]
  /// Vantage reads the providers' bills: theirs is the latest close.
  package let calendar: any BillingCalendar = AWSBillingCalendar()

  private static let costs: Name = "query-costs"

  package init() {}

  package func policy(tool: Name, arguments: JSONValue?, context: PolicyContext) -> CallPolicy {
    guard let query = arguments ?? JSONValue.emptyObject, query.kind == .object else { return CallPolicy(caching: .never) }
    guard tool == Self.costs else { return CallPolicy(caching: .bypass) }
    guard let canonical = try? query.canonical(), query["page"].map({ $0.int == 1 }) ?? true else { return CallPolicy(caching: .never) }
    let days = ["start_date", "end_date"].map { query[$0]?.stringBytes.flatMap(CivilDate.init) }
    guard let start = days[0], let end = days[1], start <= end else {
      // Without both days the service chooses, and chooses others tomorrow.
      return CallPolicy(caching: .cached(context.freshness[.open]), keyArguments: DatedKey.bytes(canonical, context.today))
    }
    return CallPolicy(
      caching: .cached(context.freshness.freshness(of: TimeBucket(start: start, end: end + 1), today: context.today)), keyArguments: canonical,
      merging: VantageCostQuery(query).flatMap(VantageCostMerge.call))
  }

  package func knowledge(of tool: Name) -> ToolKnowledge { tool == Self.costs ? .cached : .unknown }

  package func describe(tool: Name, freshness: FreshnessTable) -> String {
    tool == Self.costs ? "cached by the days asked for" : "passed through"
  }

  package func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool, freshness: FreshnessTable) -> ResultVerdict {
    guard !isError else { return .notAnAnswer }
    guard tool == Self.costs else { return .answer(bytes: nil, cap: nil, requests: nil) }
    let text = result["content"]?[0]?["text"]?.stringBytes ?? []
    let structured = result["structuredContent"].flatMap { $0.isNull ? nil : $0 }
    let body = structured ?? (try? JSONDocument(parsing: text, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)))?.root
    guard let body, let costs = body["costs"], costs.kind == .array, body["total_cost"] != nil else { return .notAnAnswer }
    let isContinued = body["pagination"]?["hasNextPage"]?.bool == true
    return .answer(bytes: nil, cap: freshness.cap(isEmpty: costs.count == 0, isContinued: isContinued), requests: nil)
  }
}
