package import WeirJSON

/// A released revision of the Model Context Protocol, ordered by date.
package enum ProtocolRevision: String, Sendable, CaseIterable, Comparable {
  case v2024_11_05 = "2024-11-05"
  case v2025_03_26 = "2025-03-26"
  case v2025_06_18 = "2025-06-18"
  case v2025_11_25 = "2025-11-25"
  case v2026_07_28 = "2026-07-28"

  /// What `initialize` is answered with when it asks for a revision that is not spoken here.
  package static let latestLegacy = ProtocolRevision.v2025_11_25
  package static let modern = ProtocolRevision.v2026_07_28

  /// The revision with exactly this name, byte for byte.
  package init?(utf8 bytes: some Sequence<UInt8>) {
    guard let revision = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(bytes) }) else { return nil }
    self = revision
  }

  /// The revision that a JSON string names; nil for other names and other values.
  package init?(_ value: JSONValue) {
    guard let revision = Self.allCases.first(where: { value.isString($0.rawValue) }) else { return nil }
    self = revision
  }

  package var era: ProtocolEra { self >= .v2026_07_28 ? .modern : .legacy }

  package static func < (left: ProtocolRevision, right: ProtocolRevision) -> Bool { left.rawValue < right.rawValue }
}
