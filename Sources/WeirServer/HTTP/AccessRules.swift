/// Which hosts and origins may be named (RFC 9110, section 7.2; MCP Streamable HTTP, security warning: DNS rebinding).
package struct AccessRules: Sendable {
  private var hosts = Self.loopback
  private var origins: [[UInt8]] = []
  private static let loopback = ["localhost", "127.0.0.1", "[::1]"].map { Array($0.utf8) }

  package init(_ configuration: FrontConfiguration) {
    for listen in [configuration.address, configuration.adminAddress].compactMap({ $0?.host }) {
      hosts.append(Self.folded(listen.utf8.contains(UInt8(ascii: ":")) ? "[\(listen)]" : listen))
    }
    hosts += configuration.allowedHosts.map(Self.folded)
    if let url = configuration.publicURL, let origin = Self.origin(of: url) {
      origins.append(origin)
      if let host = Self.host(ofOrigin: origin[...]) { hosts.append(Array(host)) }
    }
    origins += configuration.allowedOrigins.map(Self.folded)
  }

  /// True where `Host` names this server; any port is accepted, as proxies and port mappings change it.
  package func allows(host: String?) -> Bool {
    guard let host, let name = Self.name(ofAuthority: host.utf8[...]) else { return false }
    return hosts.contains { $0.count == name.count && ASCII.equalsFolded($0, name) }
  }

  /// True where a page of this origin may call: one that is configured, or one of this machine.
  package func allows(origin: String) -> Bool {
    let bytes = Self.folded(origin)
    if origins.contains(bytes) { return true }
    guard let host = Self.host(ofOrigin: bytes[...]), bytes.starts(with: "http".utf8) else { return false }
    return Self.loopback.contains { $0.elementsEqual(host) }
  }

  /// True where the answers to this origin carry the CORS fields: configured origins only.
  package func shares(with origin: String) -> Bool { origins.contains(Self.folded(origin)) }

  private static func folded(_ text: String) -> [UInt8] { text.utf8.map(ASCII.lowered) }

  private static func origin(of url: String) -> [UInt8]? {
    let bytes = folded(url)
    guard let end = bytes.firstRange(of: "://".utf8)?.upperBound else { return nil }
    return Array(bytes[..<(bytes[end...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? bytes.endIndex)])
  }

  private static func host(ofOrigin origin: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let start = origin.firstRange(of: "://".utf8)?.upperBound else { return nil }
    return name(ofAuthority: origin[start...])
  }

  /// The host of `host[:port]`, nil where it is neither a name nor an address.
  private static func name<Bytes: Collection<UInt8>>(ofAuthority bytes: Bytes) -> Bytes? where Bytes.SubSequence == Bytes {
    let name: Bytes
    if bytes.first == UInt8(ascii: "[") {
      guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      name = bytes[...end]
    } else {
      name = bytes.prefix { $0 != UInt8(ascii: ":") }
    }
    guard !name.isEmpty, name.count <= 255, isPort(bytes[name.endIndex...]) else { return nil }
    let isLiteral = bytes.first == UInt8(ascii: "[")
    let permitted = name.allSatisfy {
      ASCII.lowered($0) &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
        || (isLiteral && ($0 == 0x3A || $0 == 0x5B || $0 == 0x5D))
    }
    return permitted ? name : nil
  }

  private static func isPort(_ rest: some Collection<UInt8>) -> Bool {
    rest.isEmpty || (rest.first == UInt8(ascii: ":") && rest.count <= 6 && rest.dropFirst().allSatisfy { $0 &- 0x30 < 10 })
  }
}
