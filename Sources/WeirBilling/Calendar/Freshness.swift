/// For how long an answer is true enough to be given again, and for how long after that it is better than none.
package struct Freshness: Sendable, Hashable {
  /// The answer is given without asking the provider.
  package var fresh: Duration
  /// After that: the answer is given, marked stale, while a new one is fetched or where the provider refuses.
  package var stale: Duration

  package init(fresh: Duration, stale: Duration) {
    self.fresh = fresh
    self.stale = stale
  }

  /// `24 h`, `24 h and 6 d stale`.
  package var words: String {
    func words(_ duration: Duration) -> String {
      let seconds = duration.components.seconds
      if seconds >= 172_800, seconds % 86_400 == 0 { return "\(seconds / 86_400) d" }
      if seconds >= 3600, seconds % 3600 == 0 { return "\(seconds / 3600) h" }
      if seconds >= 60, seconds % 60 == 0 { return "\(seconds / 60) min" }
      return "\(seconds) s"
    }
    return stale > .zero ? "\(words(fresh)) and \(words(stale)) stale" : words(fresh)
  }

  /// How old an answer may become before it is not given any more.
  package var limit: Duration { fresh + stale }

  /// Fresh no longer than the shorter of both, and given as stale no longer than until the earlier limit of both.
  package func capped(_ cap: Freshness) -> Freshness {
    let fresh = min(fresh, cap.fresh)
    return Freshness(fresh: fresh, stale: min(limit, cap.limit) - fresh)
  }
}

extension Duration {
  package static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
  package static func hours(_ count: Int) -> Duration { .seconds(count * 3600) }
  package static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
}
