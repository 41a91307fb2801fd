internal import WeirCore

/// How a flight ended that brought nothing to share.
package enum LeaseMarker: Sendable, Equatable {
  /// There is an answer, but not for others: each asks for itself.
  case unshared
  /// The error that others would meet too.
  case failure([UInt8])

  private static let unsharedByte = UInt8(ascii: "U")
  private static let failureByte = UInt8(ascii: "E")

  /// It lies in an envelope like a value, so that it cannot be taken for that of another key; no value begins like it.
  var entry: CacheEntry<[UInt8]> {
    let bytes: [UInt8] =
      switch self {
      case .unshared: [Self.unsharedByte]
      case .failure(let error): [Self.failureByte] + error
      }
    return CacheEntry(value: bytes, storedAt: WallTime(milliseconds: 0), freshFor: .zero)
  }

  /// Nil where these bytes, out of their envelope, are no marker.
  init?(_ bytes: [UInt8]) {
    switch bytes.first {
    case Self.unsharedByte where bytes.count == 1: self = .unshared
    case Self.failureByte: self = .failure(Array(bytes.dropFirst()))
    default: return nil
    }
  }
}
