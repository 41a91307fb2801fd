import WeirJSON

/// The pricing server and the service behind it, as `server.py` of 1.1.1 reads arguments and words its answers.
struct PriceListServer {
  /// What the service has: attributes of each product, in its order.
  let products: [[(String, String)]]
  let alternatives: Bool
  let isCaseSensitive: Bool

  func answer(_ arguments: JSONValue) throws -> JSONValue {
    let service = arguments["service_code"]?.string ?? ""
    var found = products
    var regionText = "globally"
    if let region = arguments["region"] {
      let names = region.string.map { [$0] } ?? region.elements.compactMap(\.string)
      found = found.filter { matches($0, "regionCode", names) }
      regionText = "in " + (region.string ?? JSONTree.array(names.map { .string($0) }).python)
    }
    for filter in arguments["filters"]?.elements.map({ $0 }) ?? [] {
      let field = filter["Field"]?.string ?? ""
      let value = filter["Value"]
      let joined = value?.string ?? value?.elements.compactMap(\.string).joined(separator: ",") ?? ""
      switch filter["Type"]?.string ?? "EQUALS" {
      case "ANY_OF": found = found.filter { matches($0, field, joined.split(separator: ",").map(String.init)) }
      case "CONTAINS": found = found.filter { product in product.contains { $0.0 == field && $0.1.contains(joined) } }
      default: found = found.filter { matches($0, field, [joined]) }
      }
    }
    let page = found.prefix(arguments["max_results"]?.int ?? 100)
    guard !page.isEmpty else { return try wrapped(error("empty_results", service)) }
    let shown = arguments["output_options"]?["product_attributes"]?.elements.compactMap(\.string)
    let data = page.map { Self.product($0, shown: shown) }
    let limit = arguments["max_allowed_characters"]?.int ?? 100_000
    if limit != -1, data.reduce(0, { $0 + $1.python.unicodeScalars.count }) > limit { return try wrapped(error("result_too_large", service)) }
    let also = alternatives ? " (alternatives: ComputeSavingsPlans - see alternatives section)" : ""
    var body: [(String, JSONTree)] = [
      ("status", .string("success")), ("service_name", .string(service)), ("data", .array(data)),
      ("message", .string("Retrieved pricing for \(service) \(regionText) from AWS Pricing API\(also)")),
    ]
    if alternatives { body.append(("alternatives", .array([.object([("service_code", .string("ComputeSavingsPlans"))])]))) }
    if page.count < found.count { body.append(("next_token", .string("more"))) }
    return try wrapped(.object(body))
  }

  private func matches(_ product: [(String, String)], _ field: String, _ values: [String]) -> Bool {
    product.contains { name, value in
      name == field && values.contains { isCaseSensitive ? $0 == value : $0.lowercased() == value.lowercased() }
    }
  }

  private static func product(_ attributes: [(String, String)], shown: [String]?) -> JSONTree {
    let visible = shown.map { names in names.compactMap { name in attributes.first { $0.0 == name } } } ?? attributes
    return .object([
      ("product", .object([("attributes", .object(visible.map { ($0.0, .string($0.1)) })), ("sku", .string(attributes[0].1))])),
      ("terms", .object([("OnDemand", .object([("price", .string("0.1")), ("tiers", .number("2")), ("note", .null)]))])),
    ])
  }

  private func error(_ type: String, _ service: String) -> JSONTree {
    .object([("status", .string("error")), ("error_type", .string(type)), ("message", .string("no")), ("service_code", .string(service))])
  }

  private func wrapped(_ body: JSONTree) throws -> JSONValue { try toolResult(body, structured: .object([("result", body)])) }
}
