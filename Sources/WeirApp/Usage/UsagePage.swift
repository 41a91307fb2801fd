internal import WeirCore
internal import WeirJSON
package import WeirPipeline

/// What `GET /usage` answers: the usage of one month, as JSON.
package struct UsagePage: Sendable {
  package static let path = "/usage"

  private let ledger: UsageLedger
  private let isKept: Bool

  /// - Parameter isKept: whether what was counted outlives this process.
  package init(_ ledger: UsageLedger, isKept: Bool) {
    self.ledger = ledger
    self.isKept = isKept
  }

  /// - Parameter query: `month=YYYY-MM`, or empty for the running month.
  package func answer(_ query: String) -> (status: Int, json: [UInt8]) {
    guard let month = month(query) else { return (400, Self.problem("ask for a month in UTC, such as \(Self.path)?month=\(ledger.currentMonth)")) }
    guard let usage = ledger.usage(of: month) else {
      let months = ledger.months.map(\.description).joined(separator: ", ")
      return (404, Self.problem("nothing was counted in \(month); months with usage: \(months.isEmpty ? "none" : months)"))
    }
    var writer = JSONWriter()
    UsageFormat.begin(&writer)
    writer.member("isKept", isKept)
    UsageFormat.write(month, usage, to: &writer)
    writer.endObject()
    return (200, writer.bytes)
  }

  private func month(_ query: String) -> UsageMonth? {
    if query.isEmpty { return ledger.currentMonth }
    let prefix = "month=".utf8
    return query.utf8.starts(with: prefix) ? UsageMonth(query.utf8.dropFirst(prefix.count)) : nil
  }

  private static func problem(_ text: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("error", text)
    writer.endObject()
    return writer.bytes
  }
}
