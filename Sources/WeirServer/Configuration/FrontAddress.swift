/// Where a listener listens.
package struct FrontAddress: Sendable, Hashable, CustomStringConvertible {
  /// A host name or an IP address, without brackets.
  package var host: String
  /// 0 takes a free port.
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// True where only this machine can connect.
  package var isLoopback: Bool { host == "localhost" || host == "::1" || host.utf8.starts(with: "127.".utf8) }

  package var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
