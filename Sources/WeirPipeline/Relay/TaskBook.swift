internal import NIOConcurrencyHelpers
internal import WeirCore

/// Which tasks were made for whom: an upstream lists all that it made for Weir, and each principal is shown its own. What was made before this
/// process began is listed to nobody, though whoever has its id may use it.
final class TaskBook: Sendable {
  private struct Owner: Hashable {
    let principal: Name
    let upstream: Name
  }

  /// Of each principal at each upstream; the oldest give way.
  private static let most = 1000
  private static let mostOwners = 10_000

  private let made = NIOLockedValueBox<[Owner: [Name]]>([:])

  func add(_ id: Name, of upstream: Name, for principal: Name) {
    made.withLockedValue { made in
      let owner = Owner(principal: principal, upstream: upstream)
      guard made[owner] != nil || made.count < Self.mostOwners else { return }
      made[owner, default: []].append(id)
      if let count = made[owner]?.count, count > Self.most { made[owner]?.removeFirst(count - Self.most) }
    }
  }

  func tasks(of upstream: Name, for principal: Name) -> Set<Name> {
    made.withLockedValue { Set($0[Owner(principal: principal, upstream: upstream)] ?? []) }
  }
}
