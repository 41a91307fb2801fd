package import WeirJSON

/// The body of an answer of the AWS servers: a JSON object `{"status":…,"data":…}` that stands both in `structuredContent` (under `result` in
/// the pricing server) and as text in the first content block.
struct AWSResultBody {
  private let result: JSONValue
  private let body: JSONValue
  private let text: JSONDocument?

  /// Nil where the result has no such body.
  init?(_ result: JSONValue) {
    self.result = result
    let text = result["content"]?[0]?["text"]?.stringBytes
    self.text = text.flatMap { try? JSONDocument(parsing: $0, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)) }
    let structured = result["structuredContent"]
    guard let body = structured?["result"] ?? structured ?? self.text?.root, body.kind == .object, body["status"] != nil else { return nil }
    self.body = body
  }

  private static let throttlingTypes = [
    "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException",
    "throttling_error",
  ]

  var isSuccess: Bool { body["status"]?.isString("success") == true }

  /// The provider refused for its rate: the server passes the AWS error code on as `error_type`.
  var isThrottled: Bool {
    guard let type = body["error_type"] ?? body["data"]?["error_type"] else { return false }
    if Self.throttlingTypes.contains(where: { type.isString($0) }) { return true }
    // The pricing server wraps the code in its own type and leaves it in the message.
    guard type.isString("api_error"), let message = body["message"]?.string else { return false }
    return Self.throttlingTypes.contains { message.contains($0) }
  }

  /// The server put the rows into a table of its own process and answers with a pointer to it.
  var isStoredElsewhere: Bool {
    body["data"]?["data_stored"]?.bool == true || body["data_stored"]?.bool == true
  }

  /// A time bucket is marked as not final.
  var isEstimated: Bool {
    body["data"]?["ResultsByTime"]?.elements.contains { $0["Estimated"]?.bool == true } ?? false
  }

  /// There is not a single row.
  var isEmpty: Bool {
    if let buckets = body["data"]?["ResultsByTime"] {
      return buckets.elements.allSatisfy { ($0["Groups"]?.count ?? 0) == 0 && ($0["Total"]?.count ?? 0) == 0 }
    }
    if let data = body["data"], data.kind == .array { return data.count == 0 }
    return false
  }

  /// How many pages the server says it asked the provider for.
  var pagesFetched: Int? { body["data"]?["Pagination"]?["pages_fetched"]?.int }

  /// The result without `ResponseMetadata`: the request id and the HTTP headers of the AWS answer differ on every call and say nothing about
  /// the bill. Nil where there is none, so that the upstream's bytes are given on untouched.
  func withoutResponseMetadata() -> [UInt8]? {
    let name = "ResponseMetadata"
    var bytes = result.raw
    var isChanged = false
    if let text, let data = text.root["data"], data[name] != nil, let content = Self.reparsed(bytes)?["content"], let block = content[0] {
      let inner = text.root.setting("data", to: data.removing([name]))
      let newBlock = block.setting("text", to: JSONWriter.quoted(String(decoding: inner, as: UTF8.self)))
      bytes = Self.replacing(block.range, in: bytes, with: newBlock)
      isChanged = true
    }
    if let structured = Self.reparsed(bytes)?["structuredContent"], let data = structured["data"], data[name] != nil {
      bytes = Self.replacing(data.range, in: bytes, with: data.removing([name]))
      isChanged = true
    }
    return isChanged ? bytes : nil
  }

  private static func reparsed(_ bytes: [UInt8]) -> JSONValue? {
    try? JSONDocument(parsing: bytes, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)).root
  }

  private static func replacing(_ range: Range<Int>, in bytes: [UInt8], with new: [UInt8]) -> [UInt8] {
    var bytes = bytes
    bytes.replaceSubrange(range, with: new)
    return bytes
  }
}
