package import Logging
internal import NIOConcurrencyHelpers

/// Keeps what is logged: of each event its message, with its metadata sorted by name.
package struct LogLines: LogHandler {
  private let box = NIOLockedValueBox<[String]>([])
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level

  package init(level: Logger.Level) { logLevel = level }

  package var lines: [String] { box.withLockedValue { $0 } }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let members = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted()
    box.withLockedValue { $0.append((["\(event.message)"] + members).joined(separator: " ")) }
  }
}
