package import WeirCore
package import WeirJSON

/// Google's remote MCP server for BigQuery, in front of the Cloud Billing export. Queries are billed by the bytes that they read, which no
/// answer is needed to know: a price for each request is left to the configuration.
package struct BigQueryPack: PolicyPack {
  package let name = "bigquery-billing"
  package let providers = [ProviderFacts(name: "bigquery", price: .zero, rate: 50, burst: 100)]
  package let calendar: any BillingCalendar = GoogleBillingCalendar()

  private static let query: Name = "execute_sql_readonly"
  private static let lists: Set<Name> = ["list_dataset_ids", "get_dataset_info", "list_table_ids", "get_table_info"]
  /// They may write, or are about one job.
  private static let refused: Set<Name> = ["execute_sql", "get_query_results", "cancel_job", "get_job"]

  package init() {}

  package func policy(tool: Name, arguments: JSONValue?, context: PolicyContext) -> CallPolicy {
    let never = CallPolicy(caching: .never)
    guard let call = arguments ?? JSONValue.emptyObject, call.kind == .object else { return never }
    if Self.lists.contains(tool), !AWSArguments.havePageToken(call), call["pageToken"] == nil, let canonical = try? call.canonical() {
      return CallPolicy(caching: .cached(context.freshness[.lists]), keyArguments: canonical)
    }
    guard tool == Self.query else { return knowledge(of: tool) == .unknown ? CallPolicy(caching: .bypass) : never }
    guard AzureCostQuery.has(call, only: ["projectId", "query", "dryRun", "labels"]), call["dryRun"].map({ $0.bool == false }) ?? true else {
      return never
    }
    guard let text = call["query"]?.stringBytes.flatMap(BigQueryText.init), text.isRepeatable else { return never }
    guard let others = try? JSONDocument(parsing: call.removing(["query", "dryRun"])).root.canonical() else { return never }
    let template = BigQueryCostQuery(text)
    let written = template.map { $0.text(conditions: $0.conditions) } ?? text.written
    guard let shape = try? JSONDocument(parsing: others).root.setting("query", to: JSONWriter.quoted(written)) else { return never }
    let range = template.map { TimeBucket(start: $0.start, end: $0.end) }
    return CallPolicy(
      caching: .cached(range.map { context.freshness.freshness(of: $0, today: context.today) } ?? context.freshness[.open]), keyArguments: shape,
      merging: template.map { BigQueryCostMerge.call(BigQueryCostMerge.Query(cost: $0, others: others)) })
  }

  package func knowledge(of tool: Name) -> ToolKnowledge {
    tool == Self.query || Self.lists.contains(tool) ? .cached : Self.refused.contains(tool) ? .refused : .unknown
  }

  package func describe(tool: Name, freshness: FreshnessTable) -> String {
    switch knowledge(of: tool) {
    case .cached where tool == Self.query: "cached: recognised cost queries by the days asked for, other repeatable ones \(freshness[.open].words)"
    case .cached: "cached for \(freshness[.lists].words)"
    case .refused: "passed through, whatever a rule says"
    case .unknown: "passed through"
    }
  }

  package func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool, freshness: FreshnessTable) -> ResultVerdict {
    let text = result["content"]?[0]?["text"]?.stringBytes ?? []
    let structured = result["structuredContent"].flatMap { $0.isNull ? nil : $0 }
    let body = structured ?? (try? JSONDocument(parsing: text, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)))?.root
    if body?["error"]?["code"]?.int == 429 { return .throttled }
    guard !isError, let body, body.kind == .object, body["error"] == nil, body["errors"].map({ $0.count == 0 }) ?? true else { return .notAnAnswer }
    guard tool == Self.query else { return .answer(bytes: nil, cap: nil, requests: nil) }
    guard body["jobComplete"]?.bool ?? true, body["schema"] != nil || body["rows"] != nil else { return .notAnAnswer }
    let isContinued = body["pageToken"].map { !$0.isNull && !$0.isString("") } ?? false
    return .answer(bytes: nil, cap: freshness.cap(isEmpty: (body["rows"]?.count ?? 0) == 0, isContinued: isContinued), requests: nil)
  }
}
