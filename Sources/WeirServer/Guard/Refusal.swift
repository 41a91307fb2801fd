/// Why the front refuses a connection or a request before anybody looks at what it asks.
package struct Refusal: Error, Sendable, Equatable {
  /// A closed list: the value of a metric label.
  package enum Reason: String, Sendable, CaseIterable {
    case malformed
    case headerTimeout = "header_timeout"
    case bodyTimeout = "body_timeout"
    case idle
    case writeStall = "write_stall"
    case headerTooLarge = "header_too_large"
    case bodyTooLarge = "body_too_large"
    case host
    case origin
    case target
    case framing
    case expectation
    case method
    case version
    case connections
    case memory
    case unauthenticated
    /// A request that says that a replica brings it, and is not from one.
    case stamp
  }

  package let reason: Reason
  /// The HTTP status; 0 closes without an answer.
  package let status: Int
  /// One line for whoever debugs the client.
  package let message: String

  package init(_ reason: Reason, status: Int, _ message: String) {
    self.reason = reason
    self.status = status
    self.message = message
  }
}
