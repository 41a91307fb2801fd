/// The severities of log messages (RFC 5424, section 6.2.1; MCP, logging), from the most verbose to the gravest.
package enum LogLevel: String, Sendable, CaseIterable, Comparable {
  case debug, info, notice, warning, error, critical, alert, emergency

  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
