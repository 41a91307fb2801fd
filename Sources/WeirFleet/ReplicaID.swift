/// One run of one replica: 16 hexadecimal digits, new at every start, so that what a replica left behind before a restart is not taken for what
/// it does now.
package struct ReplicaID: Hashable, Sendable, CustomStringConvertible {
  /// Lower-case hexadecimal digits.
  package let bytes: [UInt8]

  package static let byteCount = 16

  package static func random() -> ReplicaID {
    let digits = Array("0123456789abcdef".utf8)
    return ReplicaID(checked: (0..<byteCount).map { _ in digits[Int.random(in: 0..<16)] })
  }

  private init(checked bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Nil where these bytes are no id.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount, bytes.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
    self.init(checked: Array(bytes))
  }

  package var description: String { String(decoding: bytes, as: UTF8.self) }
}
