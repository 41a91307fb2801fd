internal import Crypto

/// A Lua script, known to servers by its SHA-1 digest (https://redis.io/docs/latest/commands/evalsha/).
package struct RedisScript: Sendable, Hashable {
  package let source: [UInt8]
  /// 40 hexadecimal digits, in lower case.
  package let digest: [UInt8]

  package init(_ source: String) {
    self.source = Array(source.utf8)
    let digits = Array("0123456789abcdef".utf8)
    digest = Insecure.SHA1.hash(data: self.source).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }
}
