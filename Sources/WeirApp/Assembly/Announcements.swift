internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirServer

/// Carries what changed from the directory, which is made first, to the front, which is made last.
final class Announcements: Sendable {
  private let notifier = NIOLockedValueBox<FrontNotifier?>(nil)

  func connect(_ notifier: FrontNotifier) {
    self.notifier.withLockedValue { $0 = notifier }
  }

  /// - Parameter lists: tools, resources, prompts.
  func announce(_ lists: UpstreamFeatures, of upstream: Name) {
    notifier.withLockedValue { $0 }?.changed(lists, of: upstream)
  }

  func updated(_ watchers: [(watcher: Name, uri: Name)]) {
    notifier.withLockedValue { $0 }?.updated(watchers)
  }
}
