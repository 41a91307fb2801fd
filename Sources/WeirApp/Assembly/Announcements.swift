internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirFlow
internal import WeirServer

/// Who tells clients what changed.
protocol ChangeTeller: Sendable {
  func changed(_ lists: UpstreamFeatures, of upstream: Name)
  func updated(_ watchers: [(watcher: Name, uri: Name)])
}

extension FrontNotifier: ChangeTeller {}

/// Carries what changed from the directory, which is made first, to the front, which is made last. Where other replicas serve the same clients, these
/// hear of changed lists a moment later, when the others have them too.
final class Announcements: Sendable {
  /// How long the others may take. They began to list when this replica did, or before (`ChangeHints`).
  static let headStart: Duration = .seconds(1)
  /// For how long further changes put off the word of earlier ones.
  static let longest: Duration = .seconds(3)

  private let time: any TimeSource
  private let hasOthers: @Sendable () -> Bool
  private let teller = NIOLockedValueBox<(any ChangeTeller)?>(nil)
  private let current = NIOLockedValueBox(1)
  private let waiting = NIOLockedValueBox(PendingNews(delay: headStart, longest: longest))
  private let alarm: Alarm

  /// - Parameter hasOthers: whether there are other replicas; then `run` has to run.
  init(time: any TimeSource, hasOthers: @escaping @Sendable () -> Bool) {
    self.time = time
    self.hasOthers = hasOthers
    alarm = Alarm(time: time)
  }

  /// The generation whose directory is heard; those that are made and those that have been replaced are not.
  var generation: Int {
    get { current.withLockedValue { $0 } }
    set { current.withLockedValue { $0 = newValue } }
  }

  func connect(_ teller: any ChangeTeller) {
    self.teller.withLockedValue { $0 = teller }
  }

  /// - Parameter lists: tools, resources, prompts.
  func announce(_ lists: UpstreamFeatures, of upstream: Name, from generation: Int) {
    guard hasOthers() else { return tell(lists, of: upstream, from: generation) }
    let now = time.now()
    let next = waiting.withLockedValue { waiting in
      waiting.add(lists, of: upstream, from: generation, now: now)
      return waiting.nextDue
    }
    alarm.set(next)
  }

  /// Tells what was put off, until cancelled.
  func run() async {
    await alarm.run {
      let now = self.time.now()
      let (due, next) = self.waiting.withLockedValue { waiting in (waiting.takeDue(now: now), waiting.nextDue) }
      for (upstream, news) in due { self.tell(news.lists, of: upstream, from: news.generation) }
      return next
    }
  }

  private func tell(_ lists: UpstreamFeatures, of upstream: Name, from generation: Int) {
    guard generation == self.generation else { return }
    teller.withLockedValue { $0 }?.changed(lists, of: upstream)
  }

  func updated(_ watchers: [(watcher: Name, uri: Name)]) {
    teller.withLockedValue { $0 }?.updated(watchers)
  }
}
