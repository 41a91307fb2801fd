internal import WeirCore

/// How a flight ended that brought nothing to share.
package enum LeaseMarker: Sendable, Equatable {
  /// There is an answer, but not for others: each asks for itself.
  case unshared
  /// The error that others would meet too.
  case failure([UInt8])

  private static let unsharedByte = UInt8(ascii: "U")
  private static let failureByte = UInt8(ascii: "E")

  /// In an envelope like a value, so that it cannot be taken for that of another key; no value begins like it. Nil where it cannot be encrypted.
  func encoded(for key: CacheKey, cipher: EnvelopeCipher?) -> [UInt8]? {
    let bytes: [UInt8] =
      switch self {
      case .unshared: [Self.unsharedByte]
      case .failure(let error): [Self.failureByte] + error
      }
    let entry = CacheEntry(value: bytes, storedAt: WallTime(milliseconds: 0), freshFor: .zero)
    return cipher.map { EntryEnvelope.encode(entry, for: key, with: $0) } ?? EntryEnvelope.encode(entry, for: key)
  }

  /// Nil where these bytes are no marker of this key.
  init?(_ bytes: [UInt8], for key: CacheKey, cipher: EnvelopeCipher?) {
    guard let value = try? EntryEnvelope.decode(bytes, for: key, cipher: cipher).value else { return nil }
    switch value.first {
    case Self.unsharedByte where value.count == 1: self = .unshared
    case Self.failureByte: self = .failure(Array(value.dropFirst()))
    default: return nil
    }
  }
}
