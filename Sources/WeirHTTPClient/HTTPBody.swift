/// The body of a response, in pieces as they arrive, for one consumer.
///
/// It ends with nil only where the response ended as its framing says (RFC 9112 §6.3); everything else is an `HTTPClientError`, thrown by
/// every further `next()` too. While the consumer is slow at most the configured number of bytes is held and the server is not read from.
/// Cancelling the consuming task, dropping the iterator, or dropping the body unread ends the transfer and closes its connection.
package struct HTTPBody: AsyncSequence, Sendable {
  package typealias Element = [UInt8]
  package typealias Failure = any Error

  /// Ends the transfer when the last copy of the body and its iterator are gone.
  fileprivate final class Ownership: Sendable {
    let exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    deinit { exchange.abandon() }
  }

  private let ownership: Ownership

  init(_ exchange: Exchange) {
    ownership = Ownership(exchange)
  }

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(ownership)
  }

  /// Ends the transfer and closes its connection: the consumer's next piece is `cancelled`. Does nothing once it is over.
  package func abandon() { ownership.exchange.abandon() }

  /// The whole rest of the body.
  /// - Throws: `bodyTooLarge` when it is longer than `limit` bytes, and what the transfer fails with.
  package func collect(upTo limit: Int) async throws(HTTPClientError) -> [UInt8] {
    let iterator = makeAsyncIterator()
    guard var whole = try await iterator.nextPiece() else { return [] }
    while whole.count <= limit {
      guard let piece = try await iterator.nextPiece() else { return whole }
      whole.append(contentsOf: piece)
    }
    throw HTTPClientError(.bodyTooLarge, "the response body is longer than \(limit) bytes")
  }

  /// Ends the transfer when it is dropped, even while the response itself is still held.
  package struct AsyncIterator: AsyncIteratorProtocol {
    private final class Lease: Sendable {
      let ownership: Ownership
      let isFirst: Bool

      init(_ ownership: Ownership) {
        self.ownership = ownership
        isFirst = ownership.exchange.claim()
      }

      deinit { if isFirst { ownership.exchange.abandon() } }
    }

    private let lease: Lease

    fileprivate init(_ ownership: Ownership) {
      lease = Lease(ownership)
    }

    /// What has arrived since the last call, at least one byte; nil at the end. Throws only `HTTPClientError`.
    package func next() async throws -> [UInt8]? {
      try await nextPiece()
    }

    /// `next()`, with the type of its error.
    package func nextPiece() async throws(HTTPClientError) -> [UInt8]? {
      guard lease.isFirst else { throw HTTPClientError(.alreadyConsumed, "the response body already has a consumer") }
      return try await lease.ownership.exchange.piece().get()
    }
  }
}
