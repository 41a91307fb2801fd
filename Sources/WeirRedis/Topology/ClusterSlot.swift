/// Where a key lies in a cluster: one of 16,384 slots (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model).
package struct ClusterSlot: Sendable, Hashable {
  package static let count = 16_384

  /// From 0 to 16,383.
  package let number: Int

  /// - Returns: nil where there is no such slot.
  package init?(number: Int) {
    guard (0..<Self.count).contains(number) else { return nil }
    self.number = number
  }

  /// The slot of a key: of what stands in its first `{…}` where that is not empty, so that keys with one hash tag lie together.
  package init(of key: [UInt8]) {
    number = Int(Self.crc16(Self.tag(of: key))) % Self.count
  }

  private static func tag(of key: [UInt8]) -> ArraySlice<UInt8> {
    guard let open = key.firstIndex(of: UInt8(ascii: "{")),
      let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    else { return key[...] }
    return key[(open + 1)..<close]
  }

  /// CRC16 XMODEM: polynomial 0x1021, from 0, nothing reflected.
  private static func crc16(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    bytes.reduce(0) { $0 << 8 ^ table[Int(UInt8($0 >> 8) ^ $1)] }
  }

  private static let table: [UInt16] = (0..<256).map { byte in
    (0..<8).reduce(UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
  }
}
