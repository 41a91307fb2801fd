internal import WeirCore

/// How large an answer of `getCostAndUsage` will be, as far as its query tells.
enum CostRows {
  /// Rows that a page of Cost Explorer holds at least, by guess: its size is not documented.
  static let page = 1000
  /// Rows above which no answer is put together from its buckets: Cost Explorer would give it in pages.
  static let whole = 5000

  /// Groups times buckets.
  static func estimate(_ query: CostQuery) -> Int {
    let rows = rowsOfBucket(query).multipliedReportingOverflow(by: query.period.bucketCount)
    return rows.overflow ? .max : rows.partialValue
  }

  static func rowsOfBucket(_ query: CostQuery) -> Int {
    query.groups.reduce(1) { $0 * values(of: $1, in: query.filter) }
  }

  static func pages(_ query: CostQuery) -> Int { pages(ofRows: estimate(query)) }

  static func pages(ofRows rows: Int) -> Int { max(1, rows / page + (rows % page == 0 ? 0 : 1)) }

  /// As many as the filter lets through, else as many as an organization commonly has.
  private static func values(of key: CostKey, in filter: CostFilter?) -> Int {
    for case .leaf(let leaf) in filter?.conjuncts ?? [] where leaf.key == key {
      if let values = leaf.sliceValues { return values.count }
    }
    return key.kind == .dimension ? common[key.name] ?? 50 : 20
  }

  private static let common: [Name: Int] = [
    "SERVICE": 25, "LINKED_ACCOUNT": 25, "REGION": 10, "AZ": 20, "INSTANCE_TYPE": 30, "USAGE_TYPE": 150, "OPERATION": 80, "PLATFORM": 5,
    "PURCHASE_TYPE": 5, "TENANCY": 3, "RECORD_TYPE": 6, "LEGAL_ENTITY_NAME": 4, "INVOICING_ENTITY": 4,
  ]
}
