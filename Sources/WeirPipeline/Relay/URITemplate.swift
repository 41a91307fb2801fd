internal import WeirCore

/// RFC 6570 templates, as far as it matters here: whose template a URI may have been made from.
enum URITemplate {
  /// Whether the literal parts of the template stand in the URI in their order, with the first at its start and the last at its end.
  static func mayMake(_ uri: Name, from template: Name) -> Bool {
    var pattern: [UInt8] = []
    var isInside = false
    for byte in template.utf8 {
      switch byte {
      case UInt8(ascii: "{"):
        isInside = true
        pattern.append(UInt8(ascii: "*"))
      case UInt8(ascii: "}"): isInside = false
      // What would be a wildcard of the pattern matches itself, too.
      default: if !isInside { pattern.append(byte) }
      }
    }
    return pattern.contains(UInt8(ascii: "*")) && Glob.matches(pattern, uri.utf8)
  }
}
