import CCurl
import Logging
import NIOConcurrencyHelpers

/// Owns the multi handle and every easy handle, on one thread, from `run()` to its return.
final class Driver {
  private typealias Instant = ContinuousClock.Instant

  private let multi: UnsafeMutableRawPointer
  private let mailbox: Mailbox
  private let configuration: HTTPClientConfiguration
  private let statistics: NIOLockedValueBox<HTTPClientStatistics>
  private let logger: Logger
  private let shelf: HandleShelf
  private var transfers: [UInt64: Unmanaged<Transfer>] = [:]
  /// Transfers that have ended and are still to be freed.
  private var ended: [Transfer] = []
  private let schedule = DeadlineSchedule()

  private init(
    multi: UnsafeMutableRawPointer, mailbox: Mailbox, configuration: HTTPClientConfiguration,
    statistics: NIOLockedValueBox<HTTPClientStatistics>, logger: Logger
  ) {
    self.multi = multi
    self.mailbox = mailbox
    self.configuration = configuration
    self.shelf = HandleShelf(configuration: configuration)
    self.statistics = statistics
    self.logger = logger
  }

  /// Serves the mailbox until it is closed. Returns with every transfer ended and nothing of libcurl's left.
  static func run(
    mailbox: Mailbox, configuration: HTTPClientConfiguration, statistics: NIOLockedValueBox<HTTPClientStatistics>, logger: Logger
  ) {
    defer { mailbox.driverEnded() }
    guard let multi = curl_multi_init() else {
      logger.error("libcurl has no multi handle: out of memory; this HTTP client refuses every request")
      return
    }
    mailbox.attach(multi)
    let driver = Driver(multi: multi, mailbox: mailbox, configuration: configuration, statistics: statistics, logger: logger)
    do throws(HTTPClientError) {
      try driver.configure()
      try driver.loop()
    } catch {
      logger.error("the HTTP client ends", metadata: ["error": "\(error)"])
    }
    driver.end()
  }

  private func configure() throws(HTTPClientError) {
    let idle = max(1, min(configuration.maxIdleConnections, Int(Int32.max)))
    try HTTPClientError.check(weir_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, idle))
    try HTTPClientError.check(weir_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING)))
  }

  private func loop() throws(HTTPClientError) {
    while true {
      let batch = mailbox.drain()
      for (request, exchange) in batch.requests { start(request, exchange) }
      if batch.isLast { return }
      for signal in batch.signals { handle(signal) }
      var running: CInt = 0
      try HTTPClientError.check(curl_multi_perform(multi, &running))
      // Now that what came in is on its way: nobody is to wait for the tidying up after the ones before.
      ended.removeAll(keepingCapacity: true)
      collectFinished()
      expire()
      try HTTPClientError.check(curl_multi_poll(multi, nil, 0, pollTimeout(), nil))
    }
  }

  /// Everything that still runs fails, then the handle is freed; nobody rings it any more.
  private func end() {
    for transfer in transfers.values {
      finish(transfer.takeUnretainedValue(), .failure(HTTPClientError(.shutDown, "the HTTP client is shut down")))
    }
    ended = []
    mailbox.detach()
    let code = curl_multi_cleanup(multi)
    if code != CURLM_OK { logger.error("libcurl's multi handle could not be freed", metadata: ["code": "\(code.rawValue)"]) }
  }

  // MARK: Transfers

  private func start(_ request: HTTPRequest, _ exchange: Exchange) {
    guard !exchange.isOver else { return mailbox.transferEnded() }
    do throws(HTTPClientError) {
      let transfer = try Transfer(request, exchange: exchange, shelf: shelf, schedule: schedule, statistics: statistics)
      try HTTPClientError.check(curl_multi_add_handle(multi, transfer.easy.pointer))
      transfers[exchange.id] = .passRetained(transfer)
      statistics.withLockedValue { $0.transfersStarted += 1 }
    } catch {
      mailbox.transferEnded()
      exchange.finish(.failure(error))
    }
  }

  private func handle(_ signal: Mailbox.Signal) {
    switch signal {
    case .cancel(let id):
      guard let transfer = transfers[id]?.takeUnretainedValue() else { return }
      finish(transfer, .failure(HTTPClientError(.cancelled, "the request was cancelled")))
    case .resume(let id):
      guard let transfer = transfers[id]?.takeUnretainedValue() else { return }
      transfer.progressed()
      // Offers what libcurl holds at once, which may pause it again or fail it.
      let code = curl_easy_pause(transfer.easy.pointer, CURLPAUSE_CONT)
      if code != CURLE_OK { finish(transfer, .failure(transfer.failure ?? HTTPClientError(curl: code))) }
    }
  }

  private func collectFinished() {
    var remaining: CInt = 0
    while let message = curl_multi_info_read(multi, &remaining) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let code = message.pointee.data.result
      var context: UnsafeMutableRawPointer?
      guard weir_curl_get_private(easy, &context) == CURLE_OK, let transfer = Transfer.from(context) else { continue }
      let failure = transfer.failure ?? (code == CURLE_OK ? nil : HTTPClientError(curl: code))
      finish(transfer, failure.map { .failure($0) } ?? .success(()))
    }
  }

  /// The one way out of a transfer: libcurl lets go of it first, then whoever waits is told, then its handle is freed behind their back,
  /// in the driver's next round.
  private func finish(_ transfer: Transfer, _ result: Result<Void, HTTPClientError>) {
    let exchange = transfer.exchange
    guard let reference = transfers.removeValue(forKey: exchange.id) else { return }
    let opened = transfer.easy.connectionsOpened
    let code = curl_multi_remove_handle(multi, transfer.easy.pointer)
    if code != CURLM_OK { logger.error("libcurl did not let go of a transfer", metadata: ["code": "\(code.rawValue)"]) }
    mailbox.transferEnded()
    statistics.withLockedValue {
      $0.transfersEnded += 1
      $0.connectionsOpened += opened
    }
    if case .success = result { transfer.easy.servesAgain = true }
    exchange.finish(result)
    ended.append(reference.takeRetainedValue())
  }

  // MARK: Time

  /// Limits move with every piece of body; they are looked at only when the nearest one known could have run out.
  private func expire() {
    let now = Instant.now
    guard schedule.isDue(at: now) else { return }
    for transfer in transfers.values.map({ $0.takeUnretainedValue() }) {
      if let phase = transfer.deadlines.expired(at: now) {
        finish(transfer, .failure(HTTPClientError(.timedOut(phase), Self.explanation(of: phase))))
      } else {
        schedule.check(by: transfer.deadlines.earliest)
      }
    }
  }

  private static func explanation(of phase: HTTPClientError.Phase) -> String {
    switch phase {
    case .connect: "connecting to the server took longer than the connect timeout"
    case .head: "the response head did not arrive within the head timeout"
    case .idle: "the response body stopped for longer than the idle timeout"
    case .total: "the response was not complete within the total timeout"
    }
  }

  /// In milliseconds, rounded up lest the last one be spent spinning. libcurl shortens it for timers of its own.
  private func pollTimeout() -> CInt {
    let longest = ended.isEmpty ? Self.longestPoll : Self.longestDelay
    guard let next = schedule.next else { return longest }
    let milliseconds = max(0, (next - Instant.now) / .milliseconds(1)).rounded(.up)
    return milliseconds < Double(longest) ? CInt(milliseconds) : longest
  }

  private static let longestPoll: CInt = 300_000
  /// How long what has ended waits for the next round, in milliseconds.
  private static let longestDelay: CInt = 20
}
