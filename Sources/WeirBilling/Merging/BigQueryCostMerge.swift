internal import WeirCore
internal import WeirJSON

/// Recognised queries on one billing export that differ in the values of one column: one query with all the values, whose rows tell whose they
/// are. What a job says of itself (its reference, bytes, times) is that of the one job that ran.
struct BigQueryCostMerge: MergeRule {
  struct Query: Sendable {
    let cost: BigQueryCostQuery
    /// Every other argument: the members of an object, canonical.
    let others: [UInt8]
  }

  struct Merged: Sendable {
    let query: Query
    let index: Int
    let values: [Name]
  }

  /// Rows of a first page, at most.
  private static let maxRows = 1000
  private static let known = ["schema", "rows", "totalRows", "jobComplete"]
  private static let ofJob = [
    "kind", "jobReference", "queryId", "location", "totalBytesProcessed", "totalBytesBilled", "totalSlotMs", "cacheHit", "creationTime", "startTime",
    "endTime", "jobCreationReason",
  ]

  static func call(_ query: Query) -> MergeableCall {
    var writer = JSONWriter()
    writer.beginArray()
    for text in ["execute_sql_readonly", query.cost.head, query.cost.tail, query.cost.start.text, query.cost.end.text] { writer.value(text) }
    writer.raw(query.others)
    writer.endArray()
    return MergeableCall(group: writer.bytes, rule: BigQueryCostMerge(), query: query)
  }

  func canMerge(_ one: Query, _ other: Query) -> Bool { merge([one, other], within: MergeLimits()) != nil }

  func merge(_ queries: [Query], within limits: MergeLimits) -> Merged? {
    guard let first = queries.first else { return nil }
    let fields = first.cost.conditions.map(\.field)
    let isAlike = { (query: Query) in
      query.others == first.others && query.cost.head == first.cost.head && query.cost.tail == first.cost.tail
        && query.cost.start == first.cost.start && query.cost.end == first.cost.end && query.cost.conditions.map(\.field) == fields
    }
    guard queries.allSatisfy(isAlike) else { return nil }
    let differing = fields.indices.filter { index in queries.contains { $0.cost.conditions[index] != first.cost.conditions[index] } }
    guard differing.count == 1, let index = differing.first, first.cost.columns[fields[index]] != nil else { return nil }
    guard fields.count(where: { $0 == fields[index] }) == 1 else { return nil }
    let values = Set(queries.flatMap { $0.cost.conditions[index].values }).sorted()
    return values.count <= min(limits.values, limits.rows) ? Merged(query: first, index: index, values: values) : nil
  }

  func arguments(of merged: Merged) -> [UInt8] {
    var conditions = merged.query.cost.conditions
    conditions[merged.index] = BigQueryCostQuery.Condition(field: conditions[merged.index].field, values: merged.values)
    let text = merged.query.cost.text(conditions: conditions)
    guard let others = try? JSONDocument(parsing: merged.query.others) else { return merged.query.others }
    return others.root.setting("query", to: JSONWriter.quoted(text))
  }

  func split(_ result: JSONValue, of merged: Merged, for member: Query) -> [UInt8]? {
    guard let body = AnswerBody(result), let column = merged.query.cost.columns[merged.query.cost.conditions[merged.index].field] else { return nil }
    let wanted = member.cost.conditions[merged.index].values
    func value(_ row: JSONValue) -> Name? { (row["f"]?[column]?["v"]?.string).map { Name($0) } }
    for value in body.values where !Self.isWhole(value) { return nil }
    var counts: Set<Int> = []
    for body in body.values {
      let values = body["rows"]?.elements.map { value($0) } ?? []
      guard values.allSatisfy({ $0.map(merged.values.contains) ?? false }) else { return nil }
      counts.insert(values.count { $0.map(wanted.contains) ?? false })
    }
    // Without a row the answer may be written without rows.
    guard counts.count == 1, let count = counts.first, count > 0 else { return nil }
    return body.changed { body in
      guard let rows = body["rows"] else { return nil }
      let kept = rows.keeping { row in value(row).map(wanted.contains) == true ? row.raw : nil }
      let total = body["totalRows"].map { AnswerBody.Change(range: $0.range, bytes: JSONWriter.quoted(String(count))) }
      return [AnswerBody.Change(range: rows.range, bytes: kept)] + (total.map { [$0] } ?? [])
    }
  }

  private static func isWhole(_ body: JSONValue) -> Bool {
    guard AzureCostQuery.has(body, only: known + ofJob), let rows = body["rows"], rows.kind == .array, rows.count < maxRows else { return false }
    return (body["jobComplete"]?.bool ?? true) && (body["totalRows"]?.isString(String(rows.count)) ?? true)
  }
}
