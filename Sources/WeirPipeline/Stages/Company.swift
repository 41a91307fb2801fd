internal import WeirBilling
internal import WeirCore
internal import WeirFlow

/// A request in its lane that could leave together with others, and where the answer is put that another's request brings.
final class Companion: LaneCompanion {
  /// What became of a request that another one took along.
  enum Share: Sendable {
    case answered(Examined)
    case failed(CallError)
    /// The common answer does not tell this one: it has to be asked alone.
    case alone
  }

  /// In bytes: merging is done under the lane's lock, so a call that says more than this is asked alone.
  private static let longest = 4096

  let call: MergeableCall
  let group: LaneGroup
  /// Given once by whoever takes this one along.
  let share = OneShot<Share>()
  let outgoing: Outgoing
  private let limits: MergeLimits

  init?(_ outgoing: Outgoing, limits: MergeLimits?) {
    guard let call = outgoing.merging, let limits, call.group.count + (outgoing.arguments?.count ?? 0) <= Self.longest else { return nil }
    self.call = call
    self.group = outgoing.laneGroup(of: call)
    self.outgoing = outgoing
    self.limits = limits
  }

  func batch() -> any LaneBatch { Company(of: self, within: limits) }
}

/// Requests that leave as one, the head first.
struct Company: LaneBatch {
  private(set) var members: [Companion]
  private(set) var merged: MergedCall?
  private let limits: MergeLimits

  init(of head: Companion, within limits: MergeLimits) {
    members = [head]
    self.limits = limits
  }

  mutating func admit(_ other: any LaneCompanion) -> Bool {
    guard let other = other as? Companion, let head = members.first, head.call.canMerge(with: other.call),
      let wider = MergeableCall.merge(members.map(\.call) + [other.call], within: limits)
    else { return false }
    members.append(other)
    merged = wider
    return true
  }
}
