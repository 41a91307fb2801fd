internal import WeirCore

/// Which changed lists are to be told when: close changes of an upstream become one word, but none waits for longer than `longest`.
struct PendingNews: Sendable {
  /// What is to be told of an upstream.
  struct News: Sendable, Equatable {
    var lists: UpstreamFeatures
    /// The newest directory that has them.
    var generation: Int
  }

  private struct Entry: Sendable {
    var news: News
    let since: Moment
    var due: Moment
  }

  let delay: Duration
  let longest: Duration
  private var entries: [Name: Entry] = [:]

  /// - Parameters:
  ///   - delay: how long after the last change it is told.
  ///   - longest: for how long further changes put off the word of the first one.
  init(delay: Duration, longest: Duration) {
    self.delay = delay
    self.longest = longest
  }

  /// When `takeDue` has something to give next.
  var nextDue: Moment? { entries.values.map(\.due).min() }

  mutating func add(_ lists: UpstreamFeatures, of upstream: Name, from generation: Int, now: Moment) {
    var entry = entries[upstream] ?? Entry(news: News(lists: [], generation: generation), since: now, due: now)
    entry.news.lists.formUnion(lists)
    entry.news.generation = generation
    entry.due = min(now + delay, entry.since + longest)
    entries[upstream] = entry
  }

  /// What is to be told now; it is forgotten here.
  mutating func takeDue(now: Moment) -> [Name: News] {
    let due = entries.filter { $0.value.due <= now }
    for upstream in due.keys { entries[upstream] = nil }
    return due.mapValues(\.news)
  }
}
