internal import WeirJSON

/// How many requests a call made to its provider: Cost Explorer charges for each page.
enum AWSRequestCount {
  /// Before the call. Every page is a request; without `max_pages` most operations ask for one.
  static func estimate(_ query: JSONValue) -> Int {
    min(max(query["max_pages"]?.int ?? 1, 1), 10)
  }

  /// What the server's own paging says (`paginate_aws_response`); its tools spell the member both ways.
  @Sendable
  static func pagesFetched(_ data: JSONValue, _ arguments: JSONValue?) -> Int? {
    (data["Pagination"] ?? data["pagination"])?["pages_fetched"]?.int.map { max(1, $0) }
  }

  /// The pages, and where there are rows one more request for their total (`get_reservation_coverage`, `get_reservation_utilization` and
  /// `get_savings_plans_coverage` of the server).
  @Sendable
  static func pagesAndTotal(_ data: JSONValue, _ arguments: JSONValue?) -> Int? {
    guard let pages = pagesFetched(data, arguments) else { return nil }
    let hasRows = ["coverages_by_time", "utilizations_by_time", "savings_plans_coverages"].contains { (data[$0]?.count ?? 0) > 0 }
    return hasRows && pages < Int.max ? pages + 1 : pages
  }

  /// Where the server follows the pages silently: as many as the rows need at the page size that it asks for, at least.
  static func byRows(_ name: String, pageSize: Int?) -> @Sendable (JSONValue, JSONValue?) -> Int? {
    { data, arguments in
      guard let rows = data[name]?.count else { return nil }
      let asked = arguments?["max_results"]?.int ?? 0
      guard let size = asked > 0 ? asked : pageSize else { return nil }
      return max(1, rows / size + (rows % size == 0 ? 0 : 1))
    }
  }

  /// `rec-details` asks Cost Explorer once, and only where it recommends a purchase.
  @Sendable
  static func purchaseDetails(_ data: JSONValue, _ arguments: JSONValue?) -> Int? {
    guard let action = data["base_recommendation"]?["action_type"] else { return nil }
    return action.isString("PurchaseSavingsPlans") || action.isString("PurchaseReservedInstances") ? 1 : 0
  }
}
