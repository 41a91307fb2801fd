internal import WeirCore

/// The order within a tenant: the earliest deadline first, and equal ones in the order of their coming.
struct FairRank: Comparable, Sendable {
  let deadline: Moment
  let number: UInt64

  static func < (left: FairRank, right: FairRank) -> Bool {
    left.deadline == right.deadline ? left.number < right.number : left.deadline < right.deadline
  }
}
