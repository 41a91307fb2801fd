internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirServer

/// Carries what changed from the directory, which is made first, to the front, which is made last. Where other replicas serve the same clients, these
/// hear of changed lists a moment later, when the others have them too.
final class Announcements: Sendable {
  private struct News: Sendable {
    let lists: UpstreamFeatures
    let upstream: Name
    let generation: Int
    let at: Moment
  }

  /// How long the others may take. They began to list when this replica did, or before (`ChangeHints`).
  static let headStart: Duration = .seconds(1)

  private let time: any TimeSource
  private let hasOthers: @Sendable () -> Bool
  private let notifier = NIOLockedValueBox<FrontNotifier?>(nil)
  private let current = NIOLockedValueBox(1)
  private let news: AsyncStream<News>
  private let queue: AsyncStream<News>.Continuation

  /// - Parameter hasOthers: whether there are other replicas; then `run` has to run.
  init(time: any TimeSource, hasOthers: @escaping @Sendable () -> Bool) {
    self.time = time
    self.hasOthers = hasOthers
    (news, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
  }

  /// The generation whose directory is heard; those that are made and those that have been replaced are not.
  var generation: Int {
    get { current.withLockedValue { $0 } }
    set { current.withLockedValue { $0 = newValue } }
  }

  func connect(_ notifier: FrontNotifier) {
    self.notifier.withLockedValue { $0 = notifier }
  }

  /// - Parameter lists: tools, resources, prompts.
  func announce(_ lists: UpstreamFeatures, of upstream: Name, from generation: Int) {
    let news = News(lists: lists, upstream: upstream, generation: generation, at: time.now() + Self.headStart)
    if hasOthers() { queue.yield(news) } else { tell(news) }
  }

  /// Tells what was put off, until cancelled.
  func run() async {
    for await news in news {
      do { try await time.sleep(until: news.at) } catch { return }
      tell(news)
    }
  }

  private func tell(_ news: News) {
    guard news.generation == generation else { return }
    notifier.withLockedValue { $0 }?.changed(news.lists, of: news.upstream)
  }

  func updated(_ watchers: [(watcher: Name, uri: Name)]) {
    notifier.withLockedValue { $0 }?.updated(watchers)
  }
}
