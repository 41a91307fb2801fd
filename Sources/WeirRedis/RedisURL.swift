/// Where a Redis server is, as `redis://[[user]:password@]host[:port][/db]`, `rediss://…` (TLS), or
/// `unix://[[user]:password@]/path/to/socket[?db=N]`. The schemes are those of the IANA provisional registration `redis`, `rediss`; parts
/// are percent-decoded (RFC 3986 §2.1), an IPv6 host stands in brackets.
package struct RedisURL: Sendable, Hashable {
  package var endpoint: RedisEndpoint
  /// True for `rediss`.
  package var usesTLS: Bool
  /// The ACL user, or nil for `default`.
  package var user: String?
  package var password: RedisPassword?
  /// The number for `SELECT`. Default 0.
  package var database: Int

  /// Parses; the whole text may hold a password, so no error repeats any part of it but the scheme's and the port's kind of fault.
  package init(parsing text: String) throws(RedisURLError) {
    let bytes = Array(text.utf8)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8) else {
      throw RedisURLError("it has no scheme: write redis://host:6379/0, rediss://host:6379/0 for TLS, or unix:///path/to/socket")
    }
    let scheme = String(decoding: bytes[..<colon], as: UTF8.self).lowercased()
    guard ["redis", "rediss", "unix"].contains(scheme) else {
      throw RedisURLError("its scheme is none of redis, rediss and unix")
    }
    guard !bytes.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
      throw RedisURLError("it has a space or a control character: percent-encode it (a space is %20)")
    }
    var rest = bytes[(colon + 3)...]
    guard !rest.contains(UInt8(ascii: "#")) else { throw RedisURLError("it has a fragment (#…): write %23 where the password has a #") }
    let query = try Self.cutQuery(from: &rest)
    let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
    let authority = rest[..<slash]
    let path = rest[slash...]
    (user, password) = try Self.credentials(in: authority)
    let address = authority[(authority.lastIndex(of: UInt8(ascii: "@")).map { $0 + 1 } ?? authority.startIndex)...]
    usesTLS = scheme == "rediss"
    if scheme == "unix" {
      guard address.isEmpty, path.count > 1 else {
        throw RedisURLError("a socket's path is absolute: write unix:///path/to/socket, with three slashes")
      }
      endpoint = .unix(path: try Self.decoded(path, "path"))
      database = try Self.database(fromQuery: query)
    } else {
      guard !path.contains(UInt8(ascii: "@")) else { throw RedisURLError("there is a / before the @: write %2F where the password has a /") }
      guard query == nil else { throw RedisURLError("it has a query (?…), which only unix:// takes: the database number is its path, as in /0") }
      endpoint = try Self.tcp(address)
      database = try Self.database(path.dropFirst())
    }
  }

  private static func cutQuery(from rest: inout ArraySlice<UInt8>) throws(RedisURLError) -> ArraySlice<UInt8>? {
    guard let mark = rest.firstIndex(of: UInt8(ascii: "?")) else { return nil }
    if let at = rest.lastIndex(of: UInt8(ascii: "@")), at > mark {
      throw RedisURLError("there is a ? before the @: write %3F where the password has a ?")
    }
    defer { rest = rest[..<mark] }
    return rest[(mark + 1)...]
  }

  private static func credentials(in authority: ArraySlice<UInt8>) throws(RedisURLError) -> (String?, RedisPassword?) {
    guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return (nil, nil) }
    let credentials = authority[..<at]
    guard !credentials.contains(UInt8(ascii: "@")) else { throw RedisURLError("it has two @: write %40 where the password has an @") }
    guard let colon = credentials.firstIndex(of: UInt8(ascii: ":")) else {
      throw RedisURLError("it has a user but no password: write user:password@host, or :password@host")
    }
    let user = try decoded(credentials[..<colon], "user")
    let password = try decoded(credentials[(colon + 1)...], "password")
    guard !password.isEmpty else { throw RedisURLError("its password is empty: leave out the part before the @, or fill it in") }
    return (user.isEmpty ? nil : user, RedisPassword(password))
  }

  private static func tcp(_ address: ArraySlice<UInt8>) throws(RedisURLError) -> RedisEndpoint {
    var host = address
    var port: ArraySlice<UInt8>?
    if address.first == UInt8(ascii: "[") {
      guard let end = address.firstIndex(of: UInt8(ascii: "]")) else { throw RedisURLError("its IPv6 address lacks the closing ]") }
      host = address[(address.startIndex + 1)..<end]
      let after = address[(end + 1)...]
      guard after.isEmpty || after.first == UInt8(ascii: ":") else { throw RedisURLError("after the ] of an IPv6 address comes :port or nothing") }
      port = after.isEmpty ? nil : after.dropFirst()
    } else if let colon = address.lastIndex(of: UInt8(ascii: ":")) {
      host = address[..<colon]
      port = address[(colon + 1)...]
      guard !host.contains(UInt8(ascii: ":")) else { throw RedisURLError("an IPv6 address stands in brackets, as in redis://[::1]:6379") }
    }
    guard !host.isEmpty else { throw RedisURLError("it has no host: write redis://host:6379") }
    guard let number = port.map({ Self.number($0) }) ?? 6379, (1...65535).contains(number) else {
      throw RedisURLError("its port is no number from 1 to 65535")
    }
    return .tcp(host: try decoded(host, "host"), port: number)
  }

  private static func database(fromQuery query: ArraySlice<UInt8>?) throws(RedisURLError) -> Int {
    guard let query else { return 0 }
    guard query.starts(with: "db=".utf8) else { throw RedisURLError("the only query that unix:// takes is ?db=N") }
    return try database(query.dropFirst(3))
  }

  private static func database(_ text: ArraySlice<UInt8>) throws(RedisURLError) -> Int {
    if text.isEmpty { return 0 }
    guard let number = number(text) else { throw RedisURLError("its database is no number: write /0") }
    return number
  }

  /// Digits only: `Int(_:)` would take a sign.
  private static func number(_ text: ArraySlice<UInt8>) -> Int? {
    guard !text.isEmpty, text.count <= 9, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  private static func decoded(_ text: ArraySlice<UInt8>, _ part: String) throws(RedisURLError) -> String {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
        throw RedisURLError("its \(part) has a % that is no percent-encoding: write %25 for a percent sign")
      }
      bytes.append(high << 4 | low)
    }
    guard !bytes.contains(0), let string = String(validating: bytes, as: UTF8.self) else {
      throw RedisURLError("its \(part) is no UTF-8 text once percent-decoded")
    }
    return string
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// Why a text is no Redis URL and what to do about it, without a part of the text: it may hold a password.
package struct RedisURLError: Error, Sendable, Hashable, CustomStringConvertible {
  package let message: String

  init(_ message: String) {
    self.message = "This Redis URL cannot be used: \(message)."
  }

  package var description: String { message }
}
