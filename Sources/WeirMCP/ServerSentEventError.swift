/// Why an event stream cannot be read on.
package enum ServerSentEventError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One event, or one line of it, is longer than the limit in bytes.
  case eventTooLarge(limit: Int)

  package var description: String {
    switch self {
    case .eventTooLarge(let limit): "an event of the stream is longer than the limit of \(limit) bytes"
    }
  }
}
