import NIOConcurrencyHelpers
import WeirCore

/// The calls that wait for their clients to come back, each under a name that nobody can guess and that is good for one return.
final class ParkedCalls: Sendable {
  private struct Place {
    let call: ParkedCall
    let until: Moment
  }

  private struct State {
    var places: [Name: Place] = [:]
    var perPrincipal: [Name: Int] = [:]
  }

  /// The beginning of each name, which nothing that `Sealer` seals has.
  private static let prefix = "parked."

  private let state = NIOLockedValueBox(State())
  private let limits: FrontLimits
  private let replica: Name?

  /// - Parameter replica: is part of each name where there are others.
  init(limits: FrontLimits, replica: Name? = nil) {
    self.limits = limits
    self.replica = replica
  }

  var count: Int { state.withLockedValue { $0.places.count } }

  /// Keeps a call until its client comes back with the name that is returned (`requestState`). Nil where too many are kept.
  func park(_ call: ParkedCall, now: Moment) -> Name? {
    let name = Name(Self.prefix + (replica.map { "\($0)." } ?? "") + SecretName.make().string)
    return state.withLockedValue { state in
      let principal = call.owner.principal
      guard state.places.count < limits.maxParkedCalls, state.perPrincipal[principal, default: 0] < limits.maxParkedCallsPerPrincipal else {
        return nil
      }
      state.places[name] = Place(call: call, until: now + limits.questionPatience)
      state.perPrincipal[principal, default: 0] += 1
      return name
    }
  }

  /// Whether this is the name of a parked call, here or in another process.
  static func isName(_ text: [UInt8]) -> Bool { text.starts(with: prefix.utf8) }

  /// The replica that keeps the call of this name; nil where it does not say.
  static func replica(of text: [UInt8]) -> Name? {
    guard isName(text) else { return nil }
    let digits = text.dropFirst(prefix.utf8.count).prefix { $0 != UInt8(ascii: ".") }
    return FrontFleet.isReplica(digits) ? Name(utf8: digits) : nil
  }

  /// The call that waits for this owner under this name, once.
  func resume(_ name: Name, by owner: ParkedCall.Owner, now: Moment) -> ParkedCall? {
    state.withLockedValue { state in
      guard let place = state.places[name], place.call.owner == owner else { return nil }
      remove(name, &state)
      return place.until > now ? place.call : nil
    }
  }

  /// Forgets the calls whose clients have not come back in time. What was asked of them is refused by its own patience.
  func expire(now: Moment) {
    state.withLockedValue { state in
      for (name, place) in state.places where place.until <= now { remove(name, &state) }
    }
  }

  private func remove(_ name: Name, _ state: inout State) {
    guard let place = state.places.removeValue(forKey: name) else { return }
    let count = state.perPrincipal[place.call.owner.principal, default: 1] - 1
    state.perPrincipal[place.call.owner.principal] = count > 0 ? count : nil
  }
}
