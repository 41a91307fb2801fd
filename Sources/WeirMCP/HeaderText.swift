/// Values of `Mcp-Name` and `Mcp-Param-…` (MCP 2026-07-28, Streamable HTTP, value encoding): visible ASCII and inner spaces as they are, everything
/// else as `=?base64?…?=` over the UTF-8 bytes.
package enum HeaderText {
  private static let prefix = Array("=?base64?".utf8)
  private static let suffix = Array("?=".utf8)

  /// A header value that `decode` turns back into the bytes of `text`.
  package static func encode(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let hasOuterSpace = bytes.first == 0x20 || bytes.last == 0x20
    if !hasOuterSpace, bytes.allSatisfy({ 0x20...0x7E ~= $0 }), sentinelContents(bytes) == nil { return text }
    return String(decoding: prefix + Base64.encode(bytes) + suffix, as: UTF8.self)
  }

  /// The bytes that a header value stands for; nil where it holds characters that the encoding would have wrapped, or its Base64 is faulty.
  package static func decode(_ value: String) -> [UInt8]? {
    let bytes = Array(value.utf8)
    guard bytes.allSatisfy({ 0x20...0x7E ~= $0 || $0 == 0x09 }) else { return nil }
    guard let contents = sentinelContents(bytes) else { return bytes }
    return Base64.decode(contents)
  }

  /// What stands between the markers, where both are there. They are compared case by case.
  private static func sentinelContents(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
    guard bytes.count >= prefix.count + suffix.count, bytes.starts(with: prefix), bytes.suffix(suffix.count).elementsEqual(suffix) else { return nil }
    return bytes[prefix.count..<(bytes.count - suffix.count)]
  }
}
