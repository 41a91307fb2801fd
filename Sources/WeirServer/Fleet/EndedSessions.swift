import WeirCore

/// The sessions that have ended, by their marks, for as long as a replica could take one for alive of which it never heard. Pure.
struct EndedSessions: Sendable {
  /// How long each is remembered at least, unless there are too many.
  static let memory: Duration = .seconds(3600)
  private static let most = 65_536

  private var recent: Set<Name> = []
  private var former: Set<Name> = []
  private var since: Moment?

  func contains(_ mark: Name) -> Bool { recent.contains(mark) || former.contains(mark) }

  mutating func insert(_ mark: Name, now: Moment) {
    if since.map({ now - $0 >= Self.memory }) ?? true || recent.count >= Self.most {
      (former, recent, since) = (recent, [], now)
    }
    recent.insert(mark)
  }
}
