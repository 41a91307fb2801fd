/// One request. The limits are the request's own, because a billing query, a tool list and an event stream deserve different patience.
package struct HTTPRequest: Sendable {
  /// `GET`, `POST`, `DELETE`… (RFC 9110 §9), any token except `CONNECT` and `TRACE`.
  package var method: String
  /// An absolute `http` or `https` URL without user information.
  package var url: String
  /// Fields as they are sent. The fields that frame a message (`Host`, `Content-Length`, `Transfer-Encoding`, `Connection`…) are the client's
  /// and refused here.
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// For name resolution, TCP and TLS together; not spent where a connection is reused.
  package var connectTimeout: Duration
  /// From `send` until the response head is complete.
  package var headTimeout: Duration
  /// Between two pieces of the body. Does not run while the consumer is the one who is waited for.
  package var idleTimeout: Duration
  /// From `send` until the body ends, whoever is slow. A very large value (`.seconds(Int64.max)`) means no limit.
  package var totalTimeout: Duration
  /// More bytes of body than this end the transfer with `bodyTooLarge`.
  package var maxBodyBytes: Int
  /// Whether sending it twice does no harm. If so, a reused connection that turns out to be dead before the first byte of the answer is
  /// replaced and the request sent again; if not, that is `closedEarly`, and nothing ever leaves twice.
  package var isRepeatable: Bool

  package init(
    method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
    connectTimeout: Duration = .seconds(10), headTimeout: Duration = .seconds(60), idleTimeout: Duration = .seconds(60),
    totalTimeout: Duration = .seconds(300), maxBodyBytes: Int = 8 * 1024 * 1024, isRepeatable: Bool = false
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.connectTimeout = connectTimeout
    self.headTimeout = headTimeout
    self.idleTimeout = idleTimeout
    self.totalTimeout = totalTimeout
    self.maxBodyBytes = maxBodyBytes
    self.isRepeatable = isRepeatable
  }
}
