package import Logging
package import WeirCore
package import WeirPipeline

/// Hears what upstreams say about themselves, and passes it on to the directory.
package struct UpstreamWatch: UpstreamObserver {
  private let directory: ToolDirectory
  private let logger: Logger
  private let onUpdate: @Sendable (_ upstream: Name, _ uri: Name) -> Void

  /// - Parameter onUpdate: called where a watched resource has changed.
  package init(directory: ToolDirectory, logger: Logger, onUpdate: @escaping @Sendable (_ upstream: Name, _ uri: Name) -> Void) {
    self.onUpdate = onUpdate
    self.directory = directory
    self.logger = logger
  }

  package func upstream(_ name: Name, offers catalog: UpstreamCatalog, announced: UpstreamFeatures) {
    directory.upstream(name, offers: catalog, announced: announced)
    let prefix = name.utf8.count + ToolDirectory.separator.utf8.count
    let tooLong = catalog.tools.filter { prefix + $0.name.utf8.count > ToolDirectory.maxNameLength }
    if !tooLong.isEmpty {
      logger.warning(
        "tools are missing at /mcp: with their upstream's name in front they are too long for clients; /mcp/<upstream> has them",
        metadata: ["upstream": "\(name)", "tools": "\(tooLong.count)"])
    }
  }

  package func upstream(_ name: Name, updated uri: Name) { onUpdate(name, uri) }

  package func upstream(_ name: Name, became state: UpstreamState) {
    directory.upstream(name, became: state)
  }
}
