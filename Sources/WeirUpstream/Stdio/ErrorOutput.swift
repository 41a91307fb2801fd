import Logging
import WeirCore

/// The standard error of a child on its way to the log: in lines, without secrets, and not more than so many a second.
struct ErrorOutput {
  private let redactor: Redactor
  private let linesPerSecond: Int
  private let logger: Logger
  private var splitter = LogLineSplitter(limit: 8 * 1024)
  private var second = Moment.zero
  private var linesInSecond = 0
  private var dropped = 0
  /// All lines that did not reach the log.
  private(set) var totalDropped = 0

  init(redactor: Redactor, linesPerSecond: Int, logger: Logger) {
    self.redactor = redactor
    self.linesPerSecond = linesPerSecond
    self.logger = logger
  }

  /// Takes what arrived. A line of more than 8 KiB is left out as a whole and counted: a part of it might be half a secret.
  mutating func feed(_ bytes: UnsafeRawBufferPointer, now: Moment) {
    let skipped = splitter.skipped
    for line in splitter.feed(bytes) { write(line, now: now) }
    totalDropped += splitter.skipped - skipped
  }

  /// The stream has ended.
  mutating func finish(now: Moment) {
    if let line = splitter.finish() { write(line, now: now) }
    sayDropped()
  }

  private mutating func write(_ line: [UInt8], now: Moment) {
    if now - second >= .seconds(1) {
      sayDropped()
      second = now
      linesInSecond = 0
    }
    linesInSecond += 1
    guard linesInSecond <= linesPerSecond else {
      dropped += 1
      totalDropped += 1
      return
    }
    // Redacted before it is cut, which could leave half a secret at the end.
    let text = ErrorText.clean(redactor.redact(String(decoding: line, as: UTF8.self)), limit: 2000)
    logger.log(level: Self.level(of: text), "upstream wrote to standard error", metadata: ["line": "\(text)"])
  }

  private mutating func sayDropped() {
    if dropped > 0 { logger.info("upstream wrote more to standard error than is logged", metadata: ["lines": "\(dropped)"]) }
    dropped = 0
  }

  /// Standard error is no sign of an error (MCP, stdio), so nothing of it is logged above info.
  private static func level(of text: String) -> Logger.Level {
    let head = text.prefix(200).uppercased()
    return ["ERROR", "WARN", "CRITICAL", "FATAL", "TRACEBACK", "EXCEPTION"].contains { head.contains($0) } ? .info : .debug
  }
}
