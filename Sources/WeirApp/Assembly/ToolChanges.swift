internal import NIOConcurrencyHelpers
internal import WeirServer

/// Carries "the tools changed" from the directory, which is made first, to the front, which is made last.
final class ToolChanges: Sendable {
  private let notifier = NIOLockedValueBox<FrontNotifier?>(nil)

  func connect(_ notifier: FrontNotifier) {
    self.notifier.withLockedValue { $0 = notifier }
  }

  func announce() {
    notifier.withLockedValue { $0 }?.toolsChanged()
  }
}
