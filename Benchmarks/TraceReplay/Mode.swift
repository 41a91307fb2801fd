/// What stands between the callers and the provider, each with all of the ones before it.
enum Mode: String, CaseIterable, Sendable {
  case direct, exact, coalescing, lane, freshness, merging, buckets, wider, sums

  var title: String {
    switch self {
    case .direct: "no proxy"
    case .exact: "exact-match cache, 1 h"
    case .coalescing: "plus coalescing"
    case .lane: "plus the lane, 2 requests/s"
    case .freshness: "plus canonical keys and billing freshness"
    case .merging: "plus merging"
    case .buckets: "plus buckets"
    case .wider: "plus wider questions"
    case .sums: "plus sums (off unless configured)"
    }
  }

  func isAtLeast(_ other: Mode) -> Bool {
    (Self.allCases.firstIndex(of: self) ?? 0) >= (Self.allCases.firstIndex(of: other) ?? 0)
  }
}
