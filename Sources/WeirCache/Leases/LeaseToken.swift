/// Names one flight's lease among those of all replicas: 32 random hexadecimal digits. Only who knows it can renew or end the lease.
package struct LeaseToken: Sendable, Hashable {
  package let bytes: [UInt8]

  package static func random() -> LeaseToken {
    let digits = Array("0123456789abcdef".utf8)
    return LeaseToken(bytes: (0..<32).map { _ in digits[Int.random(in: 0..<16)] })
  }

  package init(bytes: [UInt8]) {
    self.bytes = bytes
  }
}
