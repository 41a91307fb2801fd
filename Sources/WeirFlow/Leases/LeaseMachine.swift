package import WeirCore

/// What a flight does about the flights of the same key in other replicas: the decisions of single flight across replicas, without I/O
/// (docs/decisions/0020). It looks; where nobody asks, it leads; where somebody does, it waits to be woken and looks again, from time to time
/// without being woken too, since messages get lost. It asks without a lease only where the answer is not shared, or the store says nothing: who
/// knows of a lease waits for a word for as long as one question may take, and for as long as a lease where this process was late itself.
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
    /// This process was too busy to ask the store or to hear it.
    case late
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
  /// How soon it tries again where the store did not say whether it is renewed.
  package static let renewalRetry: Duration = .milliseconds(250)
  /// How often callers hear that another replica is asking.
  package static let heartbeat: Duration = .seconds(5)
  /// Between looks while no wake can be heard.
  static let pauses: [Duration] = [.milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(250)]
  /// Between looks while wakes are heard.
  static let longestPause: Duration = .seconds(1)
  static let slack: Duration = .milliseconds(50)

  private let longest: Duration
  private let patience: Duration
  private var followsSince: Moment?
  /// Until when another holds the lease at least, as the store last said.
  private var heardLease: Moment?
  private var looks = 0
  /// Since when the store has said nothing, and to how many looks.
  private var silence: (since: Moment, looks: Int)?
  private var beats = 0

  /// - Parameters:
  ///   - longest: how long to follow others.
  ///   - patience: how long a store that says nothing may keep callers waiting.
  package init(longest: Duration, patience: Duration) {
    self.longest = longest
    self.patience = patience
  }

  /// Whether it has waited for another's flight.
  package var hasFollowed: Bool { followsSince != nil }
  /// Whether the last look was not answered: it may hold the lease without knowing.
  package var isInTheDark: Bool { silence != nil }

  /// A look was answered.
  /// - Parameters:
  ///   - asked: when it began.
  ///   - hearsWakes: whether a wake would arrive.
  ///   - jitter: a random number, 0 to 1, so that replicas do not look in step.
  package mutating func receive(_ answer: Answer, asked: Moment, now: Moment, hearsWakes: Bool, jitter: Double) -> Step {
    switch answer {
    case .settled: return .finish
    case .led: return .lead
    case .unshared: return .askAlone
    case .late:
      let end = max(heardLease ?? now, (silence?.since ?? now) + min(Self.lease, longest))
      return listen(until: end, leastLooks: Self.pauses.count, asked: asked, now: now, jitter: jitter)
    case .unavailable:
      let end = min(heardLease ?? now, (silence?.since ?? asked) + patience)
      return listen(until: end, leastLooks: 0, asked: asked, now: now, jitter: jitter)
    case .followed(let remaining):
      let since = followsSince ?? now
      followsSince = since
      heardLease = now + max(.zero, remaining)
      silence = nil
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

  /// Looks again at a store that says nothing, but not for ever.
  /// - Parameter leastLooks: as often at the least: a process that stood still is late at once.
  private mutating func listen(until end: Moment, leastLooks: Int, asked: Moment, now: Moment, jitter: Double) -> Step {
    let before = silence ?? (asked, 0)
    silence = (before.since, before.looks + 1)
    let next = now + polling(before.looks, jitter)
    if now < end { return .wait(until: min(end, next)) }
    return before.looks < leastLooks ? .wait(until: next) : .askAlone
  }

  private func polling(_ looks: Int, _ jitter: Double) -> Duration { Self.pauses[min(looks, Self.pauses.count - 1)] * (0.5 + jitter / 2) }

  private func pause(remaining: Duration, hearsWakes: Bool, jitter: Double) -> Duration {
    if hearsWakes { return min(max(.zero, remaining) + Self.slack * jitter, Self.longestPause) }
    return polling(looks, jitter)
  }
}
