internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirServer

/// Carries what changed from the directory, which is made first, to the front, which is made last.
final class Announcements: Sendable {
  private let notifier = NIOLockedValueBox<FrontNotifier?>(nil)
  private let current = NIOLockedValueBox(1)

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
    guard generation == self.generation else { return }
    notifier.withLockedValue { $0 }?.changed(lists, of: upstream)
  }

  func updated(_ watchers: [(watcher: Name, uri: Name)]) {
    notifier.withLockedValue { $0 }?.updated(watchers)
  }
}
