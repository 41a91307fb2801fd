/// Why a request has no answer, or an answer no end. Neither the URL nor a header or body of the request stands in `message`.
package struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The limit that ran out.
  package enum Phase: String, Sendable, CaseIterable {
    /// Name resolution, TCP and TLS.
    case connect
    /// From `send` to the end of the response head.
    case head
    /// Between two pieces of the body.
    case idle
    /// From `send` to the end of the body.
    case total
  }

  /// What went wrong, as far as a caller can act on it.
  package enum Code: Sendable, Hashable {
    /// The name did not resolve or nobody accepted the connection: the request was not sent.
    case connectFailed
    /// A time limit of the request ran out.
    case timedOut(Phase)
    /// The TLS handshake or the check of the certificate failed: the request was not sent.
    case tls
    /// The body is longer than the request's `maxBodyBytes` or the limit of `collect`.
    case bodyTooLarge
    /// The response head has more fields or bytes than the configuration allows.
    case headTooLarge
    /// The task was cancelled, or the response was dropped.
    case cancelled
    /// The connection ended before the response did. The server may have acted on the request.
    case closedEarly
    /// The server's answer is not HTTP/1.x.
    case protocolError
    /// The client is shut down or could not start.
    case shutDown
    /// The request cannot be sent as it stands: a malformed URL, method or header.
    case invalidRequest
    /// As many transfers are in flight as the configuration allows.
    case overloaded
    /// A second consumer of a body that has one.
    case alreadyConsumed
    /// libcurl failed in a way that has nothing to do with the peer: out of memory, or built without a needed feature.
    case internalFault
  }

  package let code: Code
  /// One line that says what happened.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
