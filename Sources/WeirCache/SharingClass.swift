/// Who may be given an answer that another caller's request fetched (docs/decisions and design, decision 4). The operator's word; hints of
/// a server may only narrow it.
package enum SharingClass: UInt8, Sendable, CaseIterable, Comparable {
  /// Only the principal that asked.
  case principal = 1
  /// Every principal of one tenant.
  case tenant = 2
  /// Everybody: the upstream is called with one service identity and the answer depends on the arguments alone.
  case all = 3

  /// From the narrowest class to the widest.
  package static func < (left: SharingClass, right: SharingClass) -> Bool { left.rawValue < right.rawValue }
}
