internal import WeirHTTPClient

/// What may be bridged to.
package enum BridgeAddress {
  /// What is wrong with a URL, in one line; nil where it can be used. Without TLS only this machine is spoken to, unless `allowsInsecure`:
  /// bills, and the key to them, would cross the network in the clear.
  package static func fault(of url: String, allowsInsecure: Bool) -> String? {
    do throws(HTTPClientError) {
      try HTTPRequest(method: "POST", url: url).validate()
    } catch {
      return "\(error.message); write for example https://weir.example.com/mcp"
    }
    if allowsInsecure || isSecure(url) || isLoopback(authority(of: url)) { return nil }
    return "http:// sends what you ask, and your key, unencrypted to another machine; use https://, or --allow-insecure where the network is trusted"
  }

  /// Scheme, host and port: what can be told of a URL, whose path may hold a key.
  static func origin(of url: String) -> String { (isSecure(url) ? "https://" : "http://") + authority(of: url) }

  private static func isSecure(_ url: String) -> Bool { url.prefix(8).lowercased() == "https://" }

  private static func authority(of url: String) -> String {
    String(decoding: url.utf8.dropFirst(isSecure(url) ? 8 : 7).prefix { !"/?#".utf8.contains($0) }, as: UTF8.self)
  }

  private static func isLoopback(_ authority: String) -> Bool {
    if authority == "[::1]" || authority.hasPrefix("[::1]:") { return true }
    let host = authority.prefix { $0 != ":" }.lowercased()
    if host == "localhost" { return true }
    // Names such as 127.example.com are no addresses.
    let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts.first == 127
  }
}
