/// Why a command has no reply, or a connection could not be made. A refusal by the server (`-ERR …`) is a reply, not an error.
package struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A closed list: the label of the failure counter.
  package enum Code: String, Sendable, CaseIterable {
    /// No reply before the command timeout. Whether the server carried it out is unknown.
    case timedOut = "timed_out"
    /// The calling task was cancelled. Whether the server carried it out is unknown.
    case cancelled
    /// The breaker is open or no connection is up: nothing was sent.
    case unavailable
    /// The server cannot serve at present (`LOADING`, `READONLY`, `MASTERDOWN`, `CLUSTERDOWN`), or its cluster is busy moving the key: what it
    /// refused was not carried out.
    case notReady = "not_ready"
    /// This process has too much to do: too much is pending already, or it was late to send or to hear. Whether the server carried it out is
    /// unknown, and nothing is known against the server.
    case overloaded
    /// The connection ended before the reply came. Whether the server carried it out is unknown.
    case connectionLost = "connection_lost"
    /// The server sent what is no RESP2, is over a limit, or was not asked for. The connection was closed.
    case protocolError = "protocol_error"
    /// The command is empty or too large: nothing was sent.
    case invalidCommand = "invalid_command"
    /// No connection within the connect timeout.
    case connectFailed = "connect_failed"
    /// The server wants a password, or another one.
    case authentication
    /// The TLS handshake failed, or the TLS settings cannot be used.
    case tls
    /// The client was shut down.
    case shutDown = "shut_down"
  }

  package let code: Code
  /// One line without secrets, keys or values.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "redis: \(code.rawValue): \(message)" }

  /// True where this says something about the server's health, and so counts for the circuit breaker.
  var speaksOfServer: Bool {
    switch code {
    case .timedOut, .notReady, .connectionLost, .protocolError, .connectFailed, .authentication, .tls: true
    case .cancelled, .unavailable, .overloaded, .invalidCommand, .shutDown: false
    }
  }
}
