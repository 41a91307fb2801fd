import CCurl
package import Logging
import NIOConcurrencyHelpers

/// An HTTP/1.1 client on libcurl: keep-alive connections, streamed responses, one thread that waits for them.
///
/// It follows no redirect, keeps no cookie, reads no environment, undoes no content coding, and sends nothing twice that may not be repeated.
/// Dropping the client ends it like `shutdown()`, without waiting: transfers still in flight fail with `shutDown`.
package final class HTTPClient: Sendable {
  private let mailbox: Mailbox
  /// Nil where the system refused what it needs.
  private let driver: Driver?
  private let counters = NIOLockedValueBox(HTTPClientStatistics())

  /// Once in the process; libcurl's own guard against concurrent calls is not in every build.
  private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_SSL | CURL_GLOBAL_WIN32)) == CURLE_OK

  /// Starts the client's thread. Where the system refuses it, every `send` fails with `shutDown` and the log says why.
  package init(configuration: HTTPClientConfiguration = HTTPClientConfiguration(), logger: Logger) {
    let poller = Self.isLibraryReady ? SocketPoller() : nil
    let mailbox = Mailbox(
      maxTransfers: configuration.maxTransfers, bufferCapacity: max(configuration.maxBufferedBytes, 16 * 1024), bell: poller)
    let counters = counters
    let driver = poller.flatMap {
      Driver(mailbox: mailbox, poller: $0, configuration: configuration, statistics: counters, logger: logger)
    }
    self.mailbox = mailbox
    self.driver = driver
    if let driver, DriverThread.start({ driver.run() }) { return }
    logger.error("the HTTP client has no thread: libcurl could not be initialised, or the system refused a thread or descriptors")
    if let driver { driver.end() } else { mailbox.driverEnded() }
  }

  deinit { mailbox.close() }

  /// Sends a request and returns when the head of the response has arrived, and with it the body of a response that says it is short; the body
  /// is read from the response.
  ///
  /// Cancelling the task ends the transfer and closes its connection.
  package func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
    try request.validate()
    if Task.isCancelled { throw HTTPClientError(.cancelled, "the request was cancelled before it was sent") }
    let exchange = try mailbox.submit(request)
    driver?.nudge()
    let head = try await exchange.head().get()
    return HTTPResponse(head: head, body: HTTPBody(exchange))
  }

  /// Fails every transfer in flight with `shutDown`, closes all connections, ends the thread, and returns when that is done. May be called
  /// more than once.
  package func shutdown() async {
    mailbox.close()
    await mailbox.closed()
  }

  /// What the client has done so far.
  package var statistics: HTTPClientStatistics { counters.withLockedValue { $0 } }
}
