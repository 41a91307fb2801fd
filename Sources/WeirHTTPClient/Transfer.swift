import CCurl
import NIOConcurrencyHelpers

/// The driver's side of one request: the easy handle and what its callbacks count. Used under the driver's lock only.
final class Transfer {
  let exchange: Exchange
  let easy: EasyHandle
  private(set) var deadlines: TransferDeadlines
  /// What a callback refused to go on for; libcurl itself only knows that it was refused.
  private(set) var failure: HTTPClientError?
  private let schedule: DeadlineSchedule
  private let aftermath: Aftermath
  private let statistics: NIOLockedValueBox<HTTPClientStatistics>
  private let maxBodyBytes: Int
  private let isRepeatable: Bool
  private var parser: ResponseHeadParser
  private var received = 0
  private var timesSent = 0
  private var peakBuffered = 0

  init(
    _ request: HTTPRequest, exchange: Exchange, shelf: HandleShelf, schedule: DeadlineSchedule, aftermath: Aftermath,
    statistics: NIOLockedValueBox<HTTPClientStatistics>
  ) throws(HTTPClientError) {
    self.exchange = exchange
    self.schedule = schedule
    self.aftermath = aftermath
    self.statistics = statistics
    easy = try EasyHandle(for: request, from: shelf)
    maxBodyBytes = request.maxBodyBytes
    isRepeatable = request.isRepeatable
    parser = ResponseHeadParser(maxFields: shelf.configuration.maxHeaderFields, maxBytes: shelf.configuration.maxHeaderBytes)
    deadlines = TransferDeadlines(from: .now, head: request.headTimeout, idle: request.idleTimeout, total: request.totalTimeout)
    try installCallbacks()
    schedule.check(by: deadlines.earliest)
  }

  /// The idle time begins: the head is complete, or reading goes on after a pause.
  func progressed() {
    deadlines.progressed(at: .now)
    schedule.check(by: deadlines.earliest)
  }

  private func fail(_ error: HTTPClientError) {
    if failure == nil { failure = error }
  }

  // MARK: What the callbacks do

  /// - Returns: whether to go on.
  func receive(headerLine line: UnsafeBufferPointer<UInt8>) -> Bool {
    do throws(HTTPClientError) {
      if let head = try parser.feed(line) {
        progressed()
        aftermath.add(exchange.headArrived(head), of: exchange)
      }
      return true
    } catch {
      fail(error)
      return false
    }
  }

  func receive(piece: UnsafeBufferPointer<UInt8>) -> PieceVerdict {
    guard fits(piece.count) else {
      fail(HTTPClientError(.bodyTooLarge, "the response body is longer than \(maxBodyBytes) bytes"))
      return .gone
    }
    let (verdict, effects) = exchange.offer(piece)
    aftermath.add(effects, of: exchange)
    switch verdict {
    case .taken(let buffered):
      received += piece.count
      deadlines.progressed(at: .now)
      note(buffered: buffered)
    case .pause:
      deadlines.paused()
      statistics.withLockedValue { $0.pauses += 1 }
    case .gone:
      fail(HTTPClientError(.cancelled, "the request was cancelled"))
    }
    return verdict
  }

  /// A body that says that it will be too long is not waited for.
  private func fits(_ count: Int) -> Bool {
    if received == 0, let length = easy.declaredLength, length > maxBodyBytes { return false }
    return count <= maxBodyBytes - received
  }

  private func note(buffered: Int) {
    guard buffered > peakBuffered else { return }
    peakBuffered = buffered
    statistics.withLockedValue { $0.peakBufferedBytes = max($0.peakBufferedBytes, buffered) }
  }

  /// libcurl sends a request again by itself when a reused connection dies before the first byte of the answer, `POST` or not; whether the
  /// server acted on the first one is unknown.
  /// - Returns: whether to send.
  func mayStartSending() -> Bool {
    timesSent += 1
    if timesSent == 1 || isRepeatable { return true }
    fail(HTTPClientError(.closedEarly, "the reused connection ended before the response began, and the request may not be sent twice"))
    return false
  }
}
