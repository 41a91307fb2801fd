/// What all requests of one client share. One client, and so one pool of connections, belongs to one upstream identity.
package struct HTTPClientConfiguration: Sendable {
  /// Idle connections kept for reuse.
  package var maxIdleConnections: Int = 32
  /// An idle connection older than this is not used again.
  package var maxIdleTime: Duration = .seconds(60)
  /// Transfers in flight, waiting ones included; one more is refused as `overloaded`.
  package var maxTransfers: Int = 1024
  /// Bytes of body held for a consumer that is slower than the server, per transfer. Less than 16 KiB, libcurl's largest piece, count as that.
  package var maxBufferedBytes: Int = 256 * 1024
  /// Fields of a response head, interim heads and trailers included.
  package var maxHeaderFields: Int = 100
  /// Bytes of a response head, interim heads and trailers included.
  package var maxHeaderBytes: Int = 32 * 1024
  /// A file of PEM certificates that are trusted instead of the system's. The peer's certificate and name are always checked.
  package var certificateAuthorityFile: String?
  /// The URL of an HTTP proxy for every request. The environment's `http_proxy` and its kin are never read.
  package var proxy: String?

  package init() {}
}
