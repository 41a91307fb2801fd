/// What the `endpoint` event of an event stream says: where messages are to be posted, absolute or relative (MCP 2024-11-05, HTTP with SSE).
/// Pure.
enum EndpointReference {
  private struct Address {
    let scheme: String
    let authority: Substring
    /// Path and query.
    let rest: Substring
    let host: String
    let port: Int

    var root: String { "\(scheme)://\(authority)" }
    var path: Substring { rest.prefix { $0 != "?" && $0 != "#" } }

    /// Nil where it is no absolute URL of HTTP, or holds user information.
    init?(_ url: String) {
      guard let scheme = ["http", "https"].first(where: { url.lowercased().hasPrefix("\($0)://") }) else { return nil }
      let hierarchy = url.dropFirst(scheme.count + 3)
      authority = hierarchy.prefix { !"/?#".contains($0) }
      rest = hierarchy.dropFirst(authority.count)
      let host = authority.first == "[" ? authority.prefix { $0 != "]" } : authority.prefix { $0 != ":" }
      let tail = authority.dropFirst(host.count).drop { $0 == "]" }
      guard !host.isEmpty, !authority.contains("@"), tail.isEmpty || tail.first == ":" else { return nil }
      let digits = tail.dropFirst()
      guard let port = digits.isEmpty ? (scheme == "http" ? 80 : 443) : UInt16(digits).map(Int.init) else { return nil }
      self.scheme = scheme
      self.host = host.lowercased()
      self.port = port
    }

    func isSameOrigin(as other: Address) -> Bool { scheme == other.scheme && host == other.host && port == other.port }
  }

  private static let maxBytes = 8 * 1024

  /// The absolute URL that `data` means on a stream of `url`, which is an absolute URL. Dot segments are left to who sends (RFC 3986 §5.2).
  /// - Throws: `invalid` where it is no URL, or one of another origin: what is posted holds the credential that was configured for this one.
  static func resolve(_ data: [UInt8], against url: String) throws(HTTPRefusal) -> String {
    let bytes = data.prefix { $0 != UInt8(ascii: "#") }
    guard !bytes.isEmpty, bytes.count <= maxBytes, bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }),
      let base = Address(url)
    else { throw .invalid("the endpoint of its event stream is no URL") }
    let reference = String(decoding: bytes, as: UTF8.self)
    if reference.hasPrefix("//") || hasScheme(reference) {
      guard let absolute = Address(reference.hasPrefix("//") ? "\(base.scheme):\(reference)" : reference) else {
        throw .invalid("the endpoint of its event stream is no URL of HTTP")
      }
      guard absolute.isSameOrigin(as: base) else { throw .invalid("the endpoint of its event stream is of another origin") }
      return base.root + (absolute.rest.first == "/" ? "" : "/") + absolute.rest
    }
    let path = base.path.isEmpty ? "/" : base.path
    switch reference.first {
    case "/": return base.root + reference
    case "?": return base.root + path + reference
    default: return base.root + path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex) + reference
    }
  }

  private static func hasScheme(_ reference: String) -> Bool {
    reference.prefix { !"/?#".contains($0) }.contains(":")
  }
}
