/// A server as another server names it: without a host it is the host that was asked.
package struct RedisAddress: Sendable, Hashable {
  /// Nil for the host of the server that said so.
  package let host: String?
  /// From 1 to 65,535.
  package let port: Int

  /// - Parameter host: Empty counts as nil.
  /// - Returns: nil where the port is none, or the name is `?`, which a server says that was told to use names and has none.
  package init?(host: String?, port: Int) {
    guard (1...65_535).contains(port), host != "?" else { return nil }
    self.host = host.flatMap { $0.isEmpty ? nil : $0 }
    self.port = port
  }

  /// Reads `host:port`. An IPv6 address stands without brackets, so the last colon counts.
  package init?(parsing text: Substring) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let digits = text.utf8[text.utf8.index(after: colon)...]
    guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    self.init(host: String(text[..<colon]), port: digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
  }

  /// - Returns: nil where it has no host and the server that was asked has none either (a Unix socket).
  package func endpoint(asked: RedisEndpoint) -> RedisEndpoint? {
    if let host { return .tcp(host: host, port: port) }
    guard case .tcp(let host, _) = asked else { return nil }
    return .tcp(host: host, port: port)
  }
}
