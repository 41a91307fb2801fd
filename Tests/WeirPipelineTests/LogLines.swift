import Logging
import NIOConcurrencyHelpers

/// Keeps what is logged, with its metadata sorted by name.
struct LogLines: LogHandler {
  private let box = NIOLockedValueBox<[String]>([])
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.debug

  var lines: [String] { box.withLockedValue { $0 } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let members = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted()
    box.withLockedValue { $0.append((["\(event.message)"] + members).joined(separator: " ")) }
  }
}
