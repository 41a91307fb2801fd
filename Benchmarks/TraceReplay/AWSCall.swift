import WeirCore
import WeirJSON

/// A tool call as its server sends it to AWS, and the answer as the server gives it on.
struct AWSCall: Sendable {
  static let explorer: Name = "aws-cost-explorer"
  static let prices: Name = "aws-pricing"

  /// `X-Amz-Target`.
  let target: String
  let provider: Name
  let body: [UInt8]
  private let operation: String
  /// For the message of `get_pricing`.
  private var place = ""
  private var service = ""

  /// Nil for calls that no trace makes.
  init?(tool: String, arguments: JSONValue?, today: CivilDate) {
    guard let arguments, arguments.kind == .object else { return nil }
    switch tool {
    case "cost-explorer": self.init(explorer: arguments, today: today)
    case "get_pricing": self.init(pricing: arguments)
    default: return nil
    }
  }

  // MARK: cost-explorer

  private init?(explorer arguments: JSONValue, today: CivilDate) {
    guard let operation = arguments["operation"]?.string else { return nil }
    let names = [
      "getCostAndUsage": "GetCostAndUsage", "getDimensionValues": "GetDimensionValues", "getTagsOrValues": "GetTags",
      "getCostForecast": "GetCostForecast",
    ]
    guard let name = names[operation] else { return nil }
    let isForecast = operation == "getCostForecast"
    func text(_ member: String) -> String? { arguments[member]?.string }
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("TimePeriod")
    writer.beginObject()
    writer.member("Start", text("start_date") ?? (isForecast ? today + 1 : today - 30).text)
    writer.member("End", text("end_date") ?? (isForecast ? today + 90 : today).text)
    writer.endObject()
    if operation == "getCostAndUsage" || isForecast { writer.member("Granularity", text("granularity") ?? (isForecast ? "MONTHLY" : "DAILY")) }
    if operation == "getCostAndUsage" { writer.memberRaw("Metrics", Self.json(arguments["metrics"]) ?? Array(#"["UnblendedCost"]"#.utf8)) }
    if let groups = Self.json(arguments["group_by"]) { writer.memberRaw("GroupBy", groups) }
    if let filter = Self.json(arguments["filter"]) { writer.memberRaw("Filter", filter) }
    for (member, aws) in [
      ("metric", "Metric"), ("dimension", "Dimension"), ("tag_key", "TagKey"), ("search_string", "SearchString"), ("next_token", "NextPageToken"),
    ] {
      if let value = text(member) { writer.member(aws, value) }
    }
    writer.endObject()
    self.init(target: "AWSInsightsIndexService.\(name)", provider: Self.explorer, body: writer.bytes, operation: operation)
  }

  private init(target: String, provider: Name, body: [UInt8], operation: String) {
    self.target = target
    self.provider = provider
    self.body = body
    self.operation = operation
  }

  /// A list or object, be it written as such or as the text of one.
  private static func json(_ value: JSONValue?) -> [UInt8]? {
    guard let value, !value.isNull else { return nil }
    guard let text = value.stringBytes else { return EmulatorClient.compact(value.raw) }
    return (try? JSONDocument(parsing: text)).map { EmulatorClient.compact($0.root.raw) }
  }

  // MARK: get_pricing

  private init?(pricing arguments: JSONValue) {
    guard let service = arguments["service_code"]?.string else { return nil }
    var filters = JSONWriter()
    filters.beginArray()
    func add(_ field: String, _ type: String, _ value: String) {
      filters.beginObject()
      filters.member("Field", field)
      filters.member("Type", type)
      filters.member("Value", value)
      filters.endObject()
    }
    var place = "for all regions"
    if let region = arguments["region"]?.string {
      add("regionCode", "TERM_MATCH", region)
      place = "in \(region)"
    } else if let regions = arguments["region"], regions.kind == .array {
      let names = regions.elements.compactMap { $0.string }
      add("regionCode", "ANY_OF", names.joined(separator: ","))
      place = "in [\(names.map { "'\($0)'" }.joined(separator: ", "))]"
    }
    for filter in arguments["filters"]?.elements.map({ $0 }) ?? [] {
      add(filter["Field"]?.string ?? "", filter["Type"]?.string ?? "EQUALS", Self.joined(filter["Value"]))
    }
    filters.endArray()
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("ServiceCode", service)
    writer.memberRaw("Filters", filters.bytes)
    writer.member("MaxResults", arguments["max_results"]?.int ?? 100)
    if let token = arguments["next_token"]?.string { writer.member("NextToken", token) }
    writer.endObject()
    self.init(target: "AWSPriceListService.GetProducts", provider: Self.prices, body: writer.bytes, operation: "get_pricing")
    self.place = place
    self.service = service
  }

  /// A value, or several joined as the server joins them.
  private static func joined(_ value: JSONValue?) -> String {
    guard let value, value.kind == .array else { return value?.string ?? "" }
    return value.elements.compactMap { $0.string }.joined(separator: ",")
  }

  // MARK: Answers

  /// The answer goes on on another page.
  func isPaged(_ answer: [UInt8]) -> Bool {
    guard let reply = try? JSONDocument(parsing: answer, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)).root else { return false }
    return reply["NextPageToken"] != nil || reply["NextToken"] != nil
  }

  /// The tool result for this answer of AWS.
  func result(_ answer: [UInt8]) -> [UInt8] {
    guard let reply = try? JSONDocument(parsing: answer, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)).root else { return [] }
    return operation == "get_pricing" ? pricingResult(reply) : explorerResult(reply, answer.count)
  }

  private func explorerResult(_ reply: JSONValue, _ length: Int) -> [UInt8] {
    var body = JSONWriter()
    body.beginObject()
    body.member("status", "success")
    body.key("data")
    body.beginObject()
    // In the order of botocore's output shapes.
    let first = ["NextPageToken", "GroupDefinitions", "ResultsByTime", "DimensionValueAttributes"]
    for name in first { if let value = reply[name] { body.memberRaw(name, value.raw) } }
    for (name, value) in reply.members { if let name = name.string, !first.contains(name) { body.memberRaw(name, value.raw) } }
    let id = "00000000-0000-4000-8000-\(String(length + 1_000_000_000_000).suffix(12))"
    body.key("ResponseMetadata")
    body.raw(
      #"{"RequestId":"\#(id)","HTTPStatusCode":200,"HTTPHeaders":{"content-type":"application/x-amz-json-1.1","x-amzn-requestid":"\#(id)"},"RetryAttempts":0}"#
        .utf8)
    body.endObject()
    body.endObject()
    return Self.result(text: body.bytes, structured: body.bytes, isError: false)
  }

  private func pricingResult(_ reply: JSONValue) -> [UInt8] {
    let products = reply["PriceList"]?.elements.compactMap { $0.stringBytes } ?? []
    var body = JSONWriter()
    body.beginObject()
    if products.isEmpty {
      body.member("status", "error")
      body.member("error_type", "empty_results")
      body.member("message", "No results found for given filters, service: \"\(service)\", \(place)")
    } else {
      body.member("status", "success")
      body.member("service_name", service)
      body.key("data")
      body.beginArray()
      for product in products { body.raw(EmulatorClient.compact(product)) }
      body.endArray()
      body.member("message", "Retrieved pricing for \(service) \(place) from AWS Pricing API")
      if let token = reply["NextToken"]?.string { body.member("next_token", token) }
    }
    body.endObject()
    return Self.result(text: body.bytes, structured: Self.wrapped(body.bytes), isError: false)
  }

  /// The tool result for an error of AWS.
  func failure(code: String, message: String) -> [UInt8] {
    var body = JSONWriter()
    body.beginObject()
    body.member("status", "error")
    if operation == "get_pricing" {
      body.member("error_type", "api_error")
      body.member("message", "Failed to retrieve pricing data: An error occurred (\(code)) when calling the GetProducts operation: \(message)")
    } else {
      body.member("service", "Cost Explorer")
      body.member("operation", operation)
      body.member("error_type", code)
      body.member("message", message)
      body.member("http_status", 400)
    }
    body.endObject()
    // The pricing server's failures are no errors by their `isError`.
    return operation == "get_pricing"
      ? Self.result(text: body.bytes, structured: Self.wrapped(body.bytes), isError: false)
      : Self.result(text: body.bytes, structured: body.bytes, isError: true)
  }

  /// The pricing server's structured content.
  private static func wrapped(_ body: [UInt8]) -> [UInt8] { Array("{\"result\":".utf8) + body + [UInt8(ascii: "}")] }

  /// The tool result after the provider refused every try.
  var throttled: [UInt8] {
    operation == "get_pricing"
      ? failure(code: "ThrottlingException", message: "Rate exceeded")
      : failure(
        code: "LimitExceededException", message: "You have made too many API calls in a short period of time. Please try again later.")
  }

  private static func result(text: [UInt8], structured: [UInt8], isError: Bool) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("content")
    writer.beginArray()
    writer.beginObject()
    writer.member("text", String(decoding: text, as: UTF8.self))
    writer.member("type", "text")
    writer.endObject()
    writer.endArray()
    writer.member("isError", isError)
    writer.memberRaw("structuredContent", structured)
    writer.endObject()
    return writer.bytes
  }
}
