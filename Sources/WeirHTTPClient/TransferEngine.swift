import CCurl
import Logging
import NIOConcurrencyHelpers

/// The multi handle, every easy handle, and what is known of their transfers. Used under the driver's lock only.
final class TransferEngine {
  typealias Instant = ContinuousClock.Instant

  let multi: UnsafeMutableRawPointer
  let poller: SocketPoller
  /// When libcurl wants to be called for a timer of its own.
  var timer: Instant?
  private let mailbox: Mailbox
  private let statistics: NIOLockedValueBox<HTTPClientStatistics>
  private let logger: Logger
  private let shelf: HandleShelf
  private let aftermath = Aftermath()
  private let schedule = DeadlineSchedule()
  private let mostIdle: Int
  private var transfers: [UInt64: Unmanaged<Transfer>] = [:]
  /// Transfers that have ended and are still to be freed.
  private var ended: [Transfer] = []
  /// About how many connections wait to be used again.
  private var idle = 0
  /// Until when the thread sleeps unless something happens.
  private var sleepEnd = Instant.now
  /// The multi handle can't go on.
  private var fault: HTTPClientError?

  /// Nil where there is no memory for it.
  init?(
    mailbox: Mailbox, poller: SocketPoller, configuration: HTTPClientConfiguration, statistics: NIOLockedValueBox<HTTPClientStatistics>,
    logger: Logger
  ) {
    guard let multi = curl_multi_init() else { return nil }
    self.multi = multi
    self.mailbox = mailbox
    self.poller = poller
    self.statistics = statistics
    self.logger = logger
    shelf = HandleShelf(configuration: configuration)
    mostIdle = max(1, min(configuration.maxIdleConnections, Int(Int32.max)))
    attempt { () throws(HTTPClientError) in
      try HTTPClientError.check(weir_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, mostIdle))
      try HTTPClientError.check(weir_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING)))
      try installCallbacks()
    }
  }

  func takeEffects() -> [Aftermath.Task] { aftermath.take() }

  // MARK: Whoever sends

  /// Whether a request had better be started by whoever sends it. One that finds no open connection may take long to start, since trust in
  /// certificates is loaded then; and where many are under way, the thread starts several at once for less.
  var startsAtOnce: Bool { idle > 0 && transfers.count < Self.fewTransfers && fault == nil }

  private static let fewTransfers = 4

  /// Starts a request.
  /// - Returns: whether the thread must wake up for it.
  func startNow(_ request: HTTPRequest, _ exchange: Exchange) -> Bool {
    start(request, exchange)
    if timer != nil { act(on: CURL_SOCKET_TIMEOUT, 0) }
    // Now that what came in is on its way: nobody is to wait for the tidying up after the ones before.
    ended.removeAll(keepingCapacity: true)
    collectFinished()
    return fault != nil || nextMoment.map { $0 < sleepEnd } ?? false
  }

  // MARK: The thread

  /// Does what came in, what sockets are ready for, and what is due.
  /// - Returns: for how many milliseconds nothing will be; nil: it cannot or is not to go on.
  func turn(_ batch: Mailbox.Batch, _ events: [SocketPoller.Event]) -> CInt? {
    for (request, exchange) in batch.requests { start(request, exchange) }
    if batch.isLast { return nil }
    for signal in batch.signals { handle(signal) }
    for event in events { act(on: event.socket, event.ready) }
    if let timer, timer <= .now { act(on: CURL_SOCKET_TIMEOUT, 0) }
    ended.removeAll(keepingCapacity: true)
    collectFinished()
    expire()
    if let fault {
      logger.error("the HTTP client ends", metadata: ["error": "\(fault)"])
      return nil
    }
    return sleep()
  }

  /// Everything that still runs fails, then the handle is freed.
  func end() {
    for transfer in transfers.values {
      finish(transfer.takeUnretainedValue(), .failure(HTTPClientError(.shutDown, "the HTTP client is shut down")))
    }
    ended = []
    let code = curl_multi_cleanup(multi)
    if code != CURLM_OK { logger.error("libcurl's multi handle could not be freed", metadata: ["code": "\(code.rawValue)"]) }
  }

  private func act(on socket: curl_socket_t, _ ready: CInt) {
    if socket == CURL_SOCKET_TIMEOUT { timer = nil }
    var running: CInt = 0
    attempt { () throws(HTTPClientError) in try HTTPClientError.check(curl_multi_socket_action(multi, socket, ready, &running)) }
  }

  private func attempt(_ work: () throws(HTTPClientError) -> Void) {
    do throws(HTTPClientError) { try work() } catch { fault = fault ?? error }
  }

  // MARK: Transfers

  private func start(_ request: HTTPRequest, _ exchange: Exchange) {
    guard !exchange.isOver else { return mailbox.transferEnded() }
    do throws(HTTPClientError) {
      let transfer = try Transfer(
        request, exchange: exchange, shelf: shelf, schedule: schedule, aftermath: aftermath, statistics: statistics)
      try HTTPClientError.check(curl_multi_add_handle(multi, transfer.easy.pointer))
      transfers[exchange.id] = .passRetained(transfer)
      idle = max(0, idle - 1)
      statistics.withLockedValue { $0.transfersStarted += 1 }
    } catch {
      mailbox.transferEnded()
      aftermath.add(exchange.finish(.failure(error)), of: exchange)
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

  /// The one way out of a transfer: libcurl lets go of it first, then whoever waits is told, then its handle is freed behind their back, in the
  /// next turn.
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
    if case .success = result {
      transfer.easy.servesAgain = true
      idle = min(idle + 1, mostIdle)
    }
    aftermath.add(exchange.finish(result), of: exchange)
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

  /// When something is due, as far as is known.
  private var nextMoment: Instant? {
    guard let timer, let next = schedule.next else { return timer ?? schedule.next }
    return min(timer, next)
  }

  /// For how long the thread may sleep, in milliseconds, rounded up lest the last one be spent spinning.
  private func sleep() -> CInt {
    let now = Instant.now
    let longest = ended.isEmpty ? Self.longestSleep : Self.longestDelay
    let wait = nextMoment.map { min(max(.zero, $0 - now), longest) } ?? longest
    sleepEnd = now + wait
    return TransferDeadlines.milliseconds(wait)
  }

  private static let longestSleep: Duration = .seconds(300)
  /// How long what has ended waits for the next turn.
  private static let longestDelay: Duration = .milliseconds(20)
}
