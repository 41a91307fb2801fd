package import WeirCore

/// What a flight does about the flights of the same key in other replicas: the decisions of single flight across replicas, without I/O
/// (docs/decisions/0020). It looks; where nobody asks, it leads; where somebody does, it waits to be woken and looks again, from time to time
/// without being woken too, since messages get lost. It asks without a lease only where the store says nothing, or that the answer is not shared.
package struct LeaseMachine: Sendable {
  /// What came of a look.
  package enum Answer: Sendable, Equatable {
    /// A value, or an error that is still true.
    case settled
    /// The lease is this flight's.
    case led
    /// It is another's, for so long unless it is renewed.
    case followed(remaining: Duration)
    /// Each is to ask for itself.
    case unshared
    /// The store did not say.
    case unavailable
  }

  package enum Step: Sendable, Equatable {
    /// There is nothing more to do.
    case finish
    /// Ask the upstream, under the lease.
    case lead
    /// Ask the upstream, without one.
    case askAlone
    /// Look again at this moment, or as soon as woken.
    case wait(until: Moment)
    /// Others have been asking for too long.
    case giveUp
  }

  /// How long a lease lives, and how often its holder renews it.
  package static let lease: Duration = .seconds(3)
  package static let renewal: Duration = .seconds(1)
  /// How often callers hear that another replica is asking.
  package static let heartbeat: Duration = .seconds(5)
  /// Between looks while no wake can be heard.
  static let pauses: [Duration] = [.milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(250)]
  /// Between looks while wakes are heard.
  static let longestPause: Duration = .seconds(1)
  static let slack: Duration = .milliseconds(50)
  /// For how long who knows that another asks goes on looking at a store that says nothing. Longer than a lost connection is gone.
  static let patience: Duration = .milliseconds(300)

  private let longest: Duration
  private var followsSince: Moment?
  /// When the store last said that another asks, and until when it holds the lease at least.
  private var heard: (at: Moment, lease: Moment)?
  private var looks = 0
  private var beats = 0

  /// - Parameter longest: how long to follow others.
  package init(longest: Duration) {
    self.longest = longest
  }

  /// Whether it has waited for another's flight.
  package var hasFollowed: Bool { followsSince != nil }

  /// A look was answered.
  /// - Parameters:
  ///   - hearsWakes: whether a wake would arrive.
  ///   - jitter: a random number, 0 to 1, so that replicas do not look in step.
  package mutating func receive(_ answer: Answer, now: Moment, hearsWakes: Bool, jitter: Double) -> Step {
    switch answer {
    case .settled: return .finish
    case .led: return .lead
    case .unshared: return .askAlone
    case .unavailable:
      guard let heard, now < min(heard.at + Self.patience, heard.lease) else { return .askAlone }
      return .wait(until: now + Self.pauses[0] * (0.5 + jitter / 2))
    case .followed(let remaining):
      let since = followsSince ?? now
      followsSince = since
      heard = (now, now + max(.zero, remaining))
      guard now - since < longest else { return .giveUp }
      defer { looks += 1 }
      return .wait(until: min(since + longest, now + pause(remaining: remaining, hearsWakes: hearsWakes, jitter: jitter)))
    }
  }

  /// How often callers are to have heard that another replica is asking, where that is once more than before.
  package mutating func beat(now: Moment) -> Int? {
    guard let followsSince, now - followsSince >= Self.heartbeat * (beats + 1) else { return nil }
    beats += 1
    return beats
  }

  private func pause(remaining: Duration, hearsWakes: Bool, jitter: Double) -> Duration {
    if hearsWakes { return min(max(.zero, remaining) + Self.slack * jitter, Self.longestPause) }
    return Self.pauses[min(looks, Self.pauses.count - 1)] * (0.5 + jitter / 2)
  }
}
