internal import WeirJSON

/// The body of an answer of the AWS servers: a JSON value that stands both in `structuredContent` (under `result` in the pricing server) and as
/// text in the first content block. Most tools wrap it: `{"status":…,"data":…}`.
struct AWSResultBody {
  private let result: JSONValue
  private let body: JSONValue?
  private let text: JSONDocument?

  init(_ result: JSONValue) {
    self.result = result
    let text = result["content"]?[0]?["text"]?.stringBytes
    self.text = text.flatMap { try? JSONDocument(parsing: $0, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000)) }
    let structured = result["structuredContent"]
    self.body = structured?["status"]?.kind == .string ? structured : structured?["result"] ?? structured ?? self.text?.root
  }

  /// Nil where the tool answers without one.
  private var status: JSONValue? { body?["status"].flatMap { $0.kind == .string ? $0 : nil } }

  var data: JSONValue? { body?["data"] }
  var isSuccess: Bool { status?.isString("success") == true }
  var isFailure: Bool { status?.isString("error") == true }

  /// Text that stands in a member of the body.
  func text(_ name: String) -> [UInt8]? { body?[name]?.stringBytes }
  subscript(_ name: String) -> JSONValue? { body?[name] }

  func has(_ shape: AWSToolRule.Shape) -> Bool {
    guard shape != .status else { return isSuccess }
    guard let body, status == nil else { return false }
    return switch shape {
    case .status: isSuccess
    case .names: body.kind == .array && body.elements.allSatisfy { $0.kind == .string }
    case .lists: body.kind == .object && body.members.allSatisfy { $0.value.kind == .array }
    case .addresses: body.kind == .object && body.members.allSatisfy { $0.value.kind == .string }
    }
  }

  /// The provider refused for its rate: the billing server passes the AWS error code on as `error_type`, or has `throttling_error` for it.
  var isThrottled: Bool {
    guard isFailure, let type = body?["error_type"] ?? data?["error_type"] else { return false }
    return type.isString("throttling_error") || AWSErrorText.throttlingCodes.contains { type.isString($0) }
  }

  /// The server put the rows into a table of its own process and answers with a pointer to it.
  var isStoredElsewhere: Bool {
    data?["data_stored"]?.bool == true || body?["data_stored"]?.bool == true
  }

  /// A time bucket is marked as not final.
  var isEstimated: Bool {
    data?["ResultsByTime"]?.elements.contains { $0["Estimated"]?.bool == true } ?? false
  }

  /// There are more pages, and a token that asks for the next.
  var isContinued: Bool {
    [body, data, data?["Pagination"], data?["pagination"]].contains { holder in
      ["NextPageToken", "NextToken", "nextToken", "next_token", "next_page_token"].contains { name in
        holder?[name].map { !$0.isNull && $0.stringBytes != [] } ?? false
      }
    }
  }

  /// There is not a single row in the members of `data` that hold them; without a status the body is the rows.
  func isEmpty(_ names: [String]) -> Bool {
    guard status != nil, let data else { return body.map { $0.count == 0 || $0.members.contains { $0.value.isEmptyArray } } ?? false }
    if data.kind == .array { return data.count == 0 }
    let rows = names.compactMap { data[$0] }
    return !rows.isEmpty && rows.allSatisfy { $0.elements.allSatisfy(\.isEmptyBucket) }
  }

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

extension JSONValue {
  fileprivate var isEmptyArray: Bool { kind == .array && count == 0 }

  /// A bucket of `ResultsByTime` without a number; anything else is a row.
  fileprivate var isEmptyBucket: Bool {
    guard kind == .object, self["TimePeriod"] != nil, let groups = self["Groups"], let total = self["Total"] else { return false }
    return groups.count == 0 && total.count == 0
  }
}
