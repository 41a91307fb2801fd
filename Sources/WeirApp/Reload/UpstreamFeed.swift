internal import Logging
internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirPipeline

/// Hears what one upstream says about itself, and passes it on to the directory of every generation that has the upstream. One that comes later is
/// told what is known.
final class UpstreamFeed: UpstreamObserver {
  private struct State {
    var directories: [ToolDirectory] = []
    var catalog: UpstreamCatalog?
    var state: UpstreamState?
  }

  private let logger: Logger
  private let onUpdate: @Sendable (_ upstream: Name, _ uri: Name) -> Void
  private let onAnnouncement: @Sendable (_ upstream: Name, _ isListed: Bool) -> Void
  private let state = NIOLockedValueBox(State())
  /// Held while directories are told, so that each is told in the order of the changes.
  private let telling = NIOLock()

  /// - Parameters:
  ///   - onUpdate: called where a watched resource has changed.
  ///   - onAnnouncement: called where the upstream said itself that lists have changed, before and after it is listed.
  init(
    logger: Logger, onUpdate: @escaping @Sendable (_ upstream: Name, _ uri: Name) -> Void,
    onAnnouncement: @escaping @Sendable (_ upstream: Name, _ isListed: Bool) -> Void
  ) {
    self.onAnnouncement = onAnnouncement
    self.logger = logger
    self.onUpdate = onUpdate
  }

  /// From now on this directory hears of the upstream, too.
  func connect(_ directory: ToolDirectory, as name: Name) {
    telling.withLock {
      let (catalog, known) = state.withLockedValue { state in
        state.directories.append(directory)
        return (state.catalog, state.state)
      }
      if let catalog { directory.upstream(name, offers: catalog) }
      if let known { directory.upstream(name, became: known) }
    }
  }

  /// And this one no more.
  func disconnect(_ directory: ToolDirectory) { state.withLockedValue { $0.directories.removeAll { $0 === directory } } }

  func upstreamAnnouncesChange(_ name: Name) { onAnnouncement(name, false) }

  func upstream(_ name: Name, offers catalog: UpstreamCatalog, announced: UpstreamFeatures) {
    telling.withLock {
      let directories = state.withLockedValue { state in
        state.catalog = catalog
        return state.directories
      }
      for directory in directories { directory.upstream(name, offers: catalog, announced: announced) }
    }
    if !announced.isEmpty { onAnnouncement(name, true) }
    let prefix = name.utf8.count + ToolDirectory.separator.utf8.count
    let tooLong = catalog.tools.filter { prefix + $0.name.utf8.count > ToolDirectory.maxNameLength }
    if !tooLong.isEmpty {
      logger.warning(
        "tools are missing at /mcp: with their upstream's name in front they are too long for clients; /mcp/<upstream> has them",
        metadata: ["upstream": "\(name)", "tools": "\(tooLong.count)"])
    }
  }

  func upstream(_ name: Name, updated uri: Name) { onUpdate(name, uri) }

  func upstream(_ name: Name, became state: UpstreamState) {
    telling.withLock {
      let directories = self.state.withLockedValue { known in
        known.state = state
        return known.directories
      }
      for directory in directories { directory.upstream(name, became: state) }
    }
  }
}
