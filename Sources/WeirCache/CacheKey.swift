internal import WeirCore

/// The SHA-256 digest that names one answer (design, decision 3). Made only by `CacheKeyBuilder`, so every key has its partition in it.
package struct CacheKey: Hashable, Sendable, CustomStringConvertible {
  /// The digest in four big-endian words. Each is as good as random: the shard, the index and the ghost use a different one.
  let first, second, third, fourth: UInt64

  init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
    self.first = first
    self.second = second
    self.third = third
    self.fourth = fourth
  }

  /// From 64 hexadecimal digits; nil for anything else.
  package init?(hex digits: some Collection<UInt8>) {
    guard digits.count == 2 * Self.byteCount else { return nil }
    var words: [UInt64] = [0, 0, 0, 0]
    for (index, digit) in digits.enumerated() {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
      default: return nil
      }
      words[index / 16] = words[index / 16] << 4 | UInt64(value)
    }
    self.init(words[0], words[1], words[2], words[3])
  }

  /// The digest's size in bytes.
  package static let byteCount = 32

  /// The 32 bytes of the digest.
  package var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
      withWords { words in UnsafeMutableRawBufferPointer(buffer).copyMemory(from: words) }
      count = Self.byteCount
    }
  }

  /// The digest in 64 lowercase hexadecimal digits.
  package var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(unsafeUninitializedCapacity: 2 * Self.byteCount) { buffer in
      withWords { words in
        for (index, byte) in words.enumerated() {
          buffer[2 * index] = digits[Int(byte >> 4)]
          buffer[2 * index + 1] = digits[Int(byte & 15)]
        }
      }
      return 2 * Self.byteCount
    }
  }

  /// The first eight digits, enough to find a key in a log.
  package var description: String { String(hex.prefix(8)) }

  package static func == (left: CacheKey, right: CacheKey) -> Bool {
    left.first == right.first && left.second == right.second && left.third == right.third && left.fourth == right.fourth
  }

  /// One word is enough: it is part of a digest already.
  package func hash(into hasher: inout Hasher) { hasher.combine(first) }

  /// A lifetime made up to 5 % shorter, by an amount that depends on the key alone, so that answers stored together do not all expire
  /// together. Never longer than what was declared.
  package func spread(_ lifetime: Duration) -> Duration {
    let milliseconds = lifetime.saturatedMilliseconds
    guard milliseconds > 0 else { return lifetime }
    let share = Double(third >> 11) * 0x1p-53
    return .milliseconds(milliseconds - Int64(Double(milliseconds / 20) * share))
  }

  /// The digest's bytes, without an allocation.
  func withWords<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let words = (first.bigEndian, second.bigEndian, third.bigEndian, fourth.bigEndian)
    return withUnsafeBytes(of: words, body)
  }
}
