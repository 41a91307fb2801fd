package import WeirJSON

/// The arguments of a tool that its calls repeat in headers `Mcp-Param-<name>` (MCP 2026-07-28, tools, `x-mcp-header`).
package struct HeaderParameters: Sendable, Equatable {
  package struct Parameter: Sendable, Equatable {
    /// As the tool writes it, without `Mcp-Param-`.
    package let header: String
    /// Members from the arguments down to the value.
    let path: [String]
  }

  package let parameters: [Parameter]

  private static let annotation = "x-mcp-header"
  private static let properties = "properties"

  /// Reads a tool's input schema; nil where an annotation is invalid, and the tool not to be offered: a name that is no token or stands twice, a
  /// type other than string, integer and boolean, a place that is not reached through `properties` alone.
  package init?(schema: JSONValue?) {
    var found: [Parameter] = []
    if let schema, schema.rawBytes.count < 1 << 20 {
      guard Self.collect(schema, [], &found), found.count == Self.count(in: schema) else { return nil }
    }
    let names = Set(found.map { $0.header.lowercased() })
    guard names.count == found.count else { return nil }
    parameters = found
  }

  private static func collect(_ schema: JSONValue, _ path: [String], _ found: inout [Parameter]) -> Bool {
    if let header = schema[annotation] {
      guard !path.isEmpty, let name = header.string, isToken(name),
        ["string", "integer", "boolean"].contains(where: { schema["type"]?.isString($0) == true })
      else { return false }
      found.append(Parameter(header: name, path: path))
    }
    guard let members = schema[properties], members.kind == .object else { return true }
    for (key, value) in members.members where value.kind == .object {
      guard let name = key.string, collect(value, path + [name], &found) else { return false }
    }
    return true
  }

  /// Annotations anywhere in the schema, so that none stands where it is not reached.
  private static func count(in value: JSONValue, isNames: Bool = false) -> Int {
    switch value.kind {
    case .object:
      value.members.reduce(0) { sum, member in
        let isAnnotation = !isNames && member.name.isString(annotation)
        return sum + (isAnnotation ? 1 : 0) + count(in: member.value, isNames: !isNames && member.name.isString(properties))
      }
    case .array: value.elements.reduce(0) { $0 + count(in: $1) }
    default: 0
    }
  }

  /// RFC 9110, section 5.6.2.
  private static func isToken(_ text: String) -> Bool {
    let extra = Array("!#$%&'*+-.^_`|~".utf8)
    return !text.isEmpty
      && text.utf8.allSatisfy { $0 &- 0x30 < 10 || ($0 | 0x20) &- 0x61 < 26 || extra.contains($0) }
  }

  /// The headers of a call with these arguments: name and value, the value as text of visible ASCII. Absent and null values have none.
  package func headers(of arguments: JSONValue?) -> [(name: String, value: String)] {
    parameters.compactMap { parameter in
      guard let text = Self.text(at: parameter.path, of: arguments) else { return nil }
      return ("mcp-param-\(parameter.header.lowercased())", HeaderText.encode(text))
    }
  }

  /// The name of the first header that does not say what the arguments say; nil where all do. Integers are compared as numbers.
  /// - Parameter value: the value of the header `Mcp-Param-<name>`.
  package func mismatch(in arguments: JSONValue?, value: (_ name: String) -> String?) -> String? {
    parameters.first { parameter in
      let header = value("mcp-param-\(parameter.header.lowercased())")
      guard let text = Self.text(at: parameter.path, of: arguments) else { return header != nil }
      guard let header, let decoded = HeaderText.decode(header) else { return true }
      if decoded.elementsEqual(text.utf8) { return false }
      guard let number = Int(text), Self.isNumber(at: parameter.path, of: arguments) else { return true }
      return Double(String(decoding: decoded, as: UTF8.self)) != Double(number)
    }?.header
  }

  private static func value(at path: [String], of arguments: JSONValue?) -> JSONValue? {
    path.reduce(arguments) { $0?[$1] }
  }

  private static func isNumber(at path: [String], of arguments: JSONValue?) -> Bool { value(at: path, of: arguments)?.kind == .number }

  private static func text(at path: [String], of arguments: JSONValue?) -> String? {
    guard let value = value(at: path, of: arguments) else { return nil }
    switch value.kind {
    case .string: return value.string
    case .number: return value.int.map(String.init) ?? String(decoding: value.rawBytes, as: UTF8.self)
    case .bool: return value.bool == true ? "true" : "false"
    case .null, .array, .object: return nil
    }
  }
}
