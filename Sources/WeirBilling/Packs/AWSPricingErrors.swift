internal import WeirCore
internal import WeirJSON

/// Throttling as the pricing server tells of it: in the text of `message`, after a sentence that repeats what the caller asked for. The
/// sentence is built again from the body's own members, so that nothing in a caller's arguments can be taken for an error of AWS.
enum AWSPricingErrors {
  static func isThrottled(_ body: AWSResultBody, tool: Name) -> Bool {
    guard body.isFailure, let type = body["error_type"], let message = body.text("message") else { return false }
    return prefixes(body, tool: tool, type: type).contains { AWSErrorText.isThrottling(message, after: $0) }
  }

  /// The sentences of the server's `server.py`, by the tool that says them.
  private static func prefixes(_ body: AWSResultBody, tool: Name, type: JSONValue) -> [String] {
    let service = body["service_code"]?.string ?? ""
    switch tool {
    case "get_pricing" where type.isString("api_error"):
      guard let region = pythonText(body["region"]) else { return [] }
      return ["Failed to retrieve pricing data for service \"\(service)\" in region \"\(region)\": "]
    case "get_pricing_service_codes" where type.isString("api_error"):
      return ["Failed to retrieve service codes from AWS API: "]
    case "get_pricing_service_attributes" where type.isString("api_error"):
      return ["Failed to retrieve attributes for service \"\(service)\": "]
    case "get_pricing_attribute_values" where type.isString("api_error"):
      let failed = "Failed to retrieve values for attribute \"\(body["attribute_name"]?.string ?? "")\""
      return ["\(failed): \(failed) of service \"\(service)\": "]
    case "get_price_list_urls" where type.isString("list_price_lists_failed"):
      return ["Failed to list price lists for service \"\(service)\" in region \"\(body["region"]?.string ?? "")\": "]
    case "get_price_list_urls" where type.isString("format_url_failed"):
      // The body has the format in lower case, the sentence as AWS spells it.
      let format = body["file_format"]?.string ?? ""
      return [format, format.uppercased()].map { "Failed to get download URL for format \"\($0)\": " }
    default:
      return []
    }
  }

  /// What Python writes for a text, for nothing, and for a list of plain names; nil for all else.
  private static func pythonText(_ value: JSONValue?) -> String? {
    guard let value, !value.isNull else { return "None" }
    guard value.kind == .array else { return value.string }
    let names = value.elements.compactMap { $0.string }
    guard names.count == value.count, names.allSatisfy({ $0.utf8.allSatisfy(isPlain) }) else { return nil }
    return "[" + names.map { "'\($0)'" }.joined(separator: ", ") + "]"
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
