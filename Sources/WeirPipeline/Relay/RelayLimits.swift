internal import NIOConcurrencyHelpers
internal import WeirCore

/// How many relayed requests each tenant has under way: they take no lane, and one tenant is not to crowd out the others.
final class RelayLimits: Sendable {
  private let most: Int
  private let underWay = NIOLockedValueBox<[Name: Int]>([:])

  init(most: Int = 128) {
    self.most = most
  }

  /// - Throws: `overloaded` where the tenant has too many; `end` is to be called for all others.
  func begin(_ tenant: Name) throws(CallError) {
    let isTaken = underWay.withLockedValue { counts in
      guard counts[tenant, default: 0] < most else { return false }
      counts[tenant, default: 0] += 1
      return true
    }
    if !isTaken { throw CallError(.overloaded, "Your team has \(most) requests under way; wait for some of them.", retryAfter: .seconds(1)) }
  }

  func end(_ tenant: Name) {
    underWay.withLockedValue { counts in
      let count = counts[tenant, default: 1] - 1
      counts[tenant] = count > 0 ? count : nil
    }
  }
}
