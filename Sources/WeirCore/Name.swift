#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A name or an identifier that is compared by its UTF-8 bytes.
///
/// Swift's `String` compares by canonical equivalence, so `"\u{212A}" == "K"`: two tools, tenants or upstreams that differ on the wire would
/// become one. Every name that takes part in a decision is a `Name`.
package struct Name: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// The text as it was given.
  package let string: String

  package init(_ string: String) {
    self.string = string
  }

  package init(stringLiteral value: String) {
    self.string = value
  }

  /// The name that these bytes spell, or nil where they are no UTF-8.
  package init?(utf8 bytes: some Collection<UInt8>) {
    guard let string = String(validating: bytes, as: UTF8.self) else { return nil }
    self.string = string
  }

  package var description: String { string }
  package var utf8: String.UTF8View { string.utf8 }

  package static func == (left: Name, right: Name) -> Bool {
    // Whole, not byte by byte through the view, which takes five times as long: names are looked up on every call.
    let equal = left.string.utf8.withContiguousStorageIfAvailable { left in
      right.string.utf8.withContiguousStorageIfAvailable { right in
        guard left.count == right.count, let first = left.baseAddress, let second = right.baseAddress else { return left.count == right.count }
        return memcmp(first, second, left.count) == 0
      }
    }
    if case .some(.some(let equal)) = equal { return equal }
    return left.string.utf8.elementsEqual(right.string.utf8)
  }

  package static func < (left: Name, right: Name) -> Bool {
    left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
  }

  package func hash(into hasher: inout Hasher) {
    let contiguous: Void? = string.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    if contiguous == nil { for byte in string.utf8 { hasher.combine(byte) } }
    hasher.combine(0xFF as UInt8)
  }
}
