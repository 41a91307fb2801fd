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

    var isAlone: Bool { if case .alone = self { true } else { false } }
  }

  /// In bytes: merging is done under the lane's lock, so a call that says more than this is asked alone.
  private static let longest = 4096

  let call: MergeableCall
  let group: LaneGroup
  /// Given once by whoever takes this one along.
  let share = OneShot<Share>()
  let outgoing: Outgoing
  let limits: MergeLimits

  init?(_ outgoing: Outgoing, limits: MergeLimits?) {
    guard let call = outgoing.merging, let limits, call.group.count + (outgoing.arguments?.count ?? 0) <= Self.longest else { return nil }
    self.call = call
    self.group = outgoing.laneGroup(of: call)
    self.outgoing = outgoing
    self.limits = limits
  }

  func batch() -> any LaneBatch { Company([self], within: limits) }
}

/// Requests that leave as one, the head first, and what comes along with them.
struct Company: LaneBatch {
  private(set) var members: [Companion]
  /// Nobody waits for these.
  private(set) var passengers: [Passenger] = []
  private(set) var merged: MergedCall?
  let limits: MergeLimits

  /// - Parameter members: at least one; `merged` stays nil where they do not go together.
  init(_ members: [Companion], within limits: MergeLimits) {
    self.members = members
    self.limits = limits
    merged = MergeableCall.merge(members.map(\.call), within: limits)
  }

  mutating func admit(_ other: any LaneCompanion) -> Bool {
    guard let other = other as? Companion, let head = members.first, head.call.canMerge(with: other.call),
      let wider = MergeableCall.merge(members.map(\.call) + [other.call], within: limits)
    else { return false }
    members.append(other)
    merged = wider
    return true
  }

  /// How many that do not fit are looked at before the request counts as full.
  private static let mostRefusals = 6

  /// With what comes along where there is room: of the calls that are like the head's, those whose answers are due.
  func withPassengers(on day: CivilDate) -> Company {
    guard let head = members.first, let passenger = head.outgoing.passenger else { return self }
    var full = self
    var refusals = 0
    for arguments in head.call.neighbours(on: day) where refusals < Self.mostRefusals {
      guard let other = passenger(arguments), head.call.canMerge(with: other.call) else { continue }
      if !full.takeAlong(other) { refusals += 1 }
    }
    return full
  }

  private mutating func takeAlong(_ passenger: Passenger) -> Bool {
    let calls = members.map(\.call) + passengers.map(\.call) + [passenger.call]
    guard let wider = MergeableCall.merge(calls, within: limits) else { return false }
    passengers.append(passenger)
    merged = wider
    return true
  }
}
