internal import WeirJSON

/// The severities of log messages (RFC 5424, section 6.2.1; MCP, logging), from the most verbose to the gravest.
package enum LogLevel: String, Sendable, CaseIterable, Comparable {
  case debug, info, notice, warning, error, critical, alert, emergency

  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension LogLevel {
  /// The level that a JSON string names.
  package init?(json text: [UInt8]?) {
    guard let name = text.flatMap({ try? JSONDocument(parsing: $0).root })?.string, let level = LogLevel(rawValue: name) else { return nil }
    self = level
  }

  /// Whether who wants everything from this level on is to hear a message.
  /// - Parameter params: of `notifications/message`; without a level that is known, everybody hears it.
  package func admits(_ params: [UInt8]?) -> Bool {
    guard let level = params.flatMap({ try? JSONDocument(parsing: $0).root })?["level"] else { return true }
    return LogLevel(json: level.raw).map { $0 >= self } ?? true
  }
}
