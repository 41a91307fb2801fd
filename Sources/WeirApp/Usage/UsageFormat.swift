internal import WeirCore
internal import WeirJSON
package import WeirPipeline

/// Usage as JSON: of a file (every month), and of the answer at `/usage` (one month). Amounts are integers in millionths of a US dollar.
package enum UsageFormat {
  package static let version = 1
  private static let name = "weir-usage"

  /// Why a text is not usage that can be read.
  package enum Problem: Error, Equatable {
    /// Written by a Weir that came after this one.
    case newer(version: Int)
    /// Neither that nor anything else that is known; one line.
    case broken(String)
  }

  // MARK: Writing

  /// The start of every text: what it is, and of which version.
  static func begin(_ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("format", name)
    writer.member("version", version)
  }

  /// A book as a file has it.
  package static func file(_ book: UsageBook) -> [UInt8] {
    var writer = JSONWriter()
    begin(&writer)
    writer.key("months")
    writer.beginArray()
    for (month, usage) in book.months.sorted(by: { $0.key < $1.key }) {
      writer.beginObject()
      write(month, usage, to: &writer)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.bytes + [UInt8(ascii: "\n")]
  }

  /// The members of one month: `month`, `since`, `rows`.
  static func write(_ month: UsageMonth, _ usage: MonthlyUsage, to writer: inout JSONWriter) {
    writer.member("month", month.description)
    writer.member("since", UsageText.timestamp(usage.since))
    writer.key("rows")
    writer.beginArray()
    for (key, tally) in usage.rows.sorted(by: { $0.key < $1.key }) {
      writer.beginObject()
      writer.member("tenant", key.tenant.string)
      writer.member("upstream", key.upstream.string)
      writer.member("provider", key.provider.string)
      writer.member("tool", key.tool.string)
      write(tally, to: &writer)
      writer.endObject()
    }
    writer.endArray()
  }

  private static func write(_ tally: UsageTally, to writer: inout JSONWriter) {
    writer.key("calls")
    writer.beginObject()
    for outcome in CallOutcome.allCases where tally.calls(outcome) != 0 { writer.member(outcome.rawValue, tally.calls(outcome)) }
    writer.endObject()
    writer.member("requestsSent", tally.requestsSent)
    writer.member("spentMicroUSD", tally.spent.amount)
    writer.key("saved")
    writer.beginObject()
    for kind in SavingKind.allCases where tally.saved(by: kind) != Saving() {
      let saving = tally.saved(by: kind)
      writer.key(kind.rawValue)
      writer.beginObject()
      writer.member("requests", saving.requests)
      writer.member("microUSD", saving.cost.amount)
      writer.endObject()
    }
    writer.endObject()
  }

  // MARK: Reading

  /// The largest text that is read: a year of full months has less.
  package static let maxBytes = 64 << 20
  private static let limits = JSONLimits(maxBytes: maxBytes, maxDepth: 8, maxMembers: 8_000_000)

  /// The root object of a text of this format and version.
  static func root(of bytes: [UInt8]) throws(Problem) -> JSONValue {
    let root: JSONValue
    do {
      root = try JSONDocument(parsing: bytes, limits: limits).root
    } catch {
      throw .broken("\(error.message) (byte \(error.offset))")
    }
    guard let format = root["format"], format.isString(name), let version = root["version"]?.int else {
      throw .broken("it is JSON, but no usage of Weir")
    }
    if version > Self.version { throw .newer(version: version) }
    guard version == Self.version else { throw .broken("it has the unknown version \(version)") }
    return root
  }

  /// What `file` wrote.
  package static func book(_ bytes: [UInt8]) throws(Problem) -> UsageBook {
    let root = try root(of: bytes)
    guard let months = root["months"], months.kind == .array else { throw .broken("it has no \"months\"") }
    var book = UsageBook()
    for element in months.elements {
      let (month, usage) = try month(element)
      guard book.months[month] == nil else { throw .broken("it has the month \(month) twice") }
      book.add(usage, to: month)
    }
    return book
  }

  /// The members that `write` wrote.
  static func month(_ value: JSONValue) throws(Problem) -> (UsageMonth, MonthlyUsage) {
    guard let month = value["month"]?.stringBytes.flatMap({ UsageMonth($0) }) else { throw .broken("a month has no name such as 2026-11") }
    guard let since = value["since"]?.stringBytes.flatMap({ UsageText.moment($0) }), let rows = value["rows"], rows.kind == .array else {
      throw .broken("the month \(month) has no \"since\" or no \"rows\"")
    }
    var usage = MonthlyUsage(since: since)
    for (index, row) in rows.elements.enumerated() {
      guard let key = key(row), let tally = tally(row) else { throw .broken("row \(index) of the month \(month) is not one of usage") }
      usage.change(key, limit: UsageBook.rowLimit) { $0 = $0 + tally }
    }
    return (month, usage)
  }

  private static func key(_ row: JSONValue) -> UsageKey? {
    func name(_ member: String) -> Name? { row[member]?.stringBytes.flatMap { Name(utf8: $0) } }
    guard let tenant = name("tenant"), let upstream = name("upstream"), let provider = name("provider"), let tool = name("tool") else { return nil }
    return UsageKey(tenant: tenant, upstream: upstream, provider: provider, tool: tool)
  }

  /// Nil where a member is missing, unknown or no count.
  private static func tally(_ row: JSONValue) -> UsageTally? {
    func count(_ value: JSONValue?) -> Int64? { value?.int.flatMap { $0 >= 0 ? Int64($0) : nil } }
    guard let calls = row["calls"], calls.kind == .object, let saved = row["saved"], saved.kind == .object,
      let sent = count(row["requestsSent"]), let spent = count(row["spentMicroUSD"])
    else { return nil }
    var tally = UsageTally()
    tally.sent(requests: sent, cost: MicroUSD(spent))
    for (name, value) in calls.members {
      guard let outcome = CallOutcome.allCases.first(where: { name.isString($0.rawValue) }), let number = count(value) else { return nil }
      tally.count(outcome, number)
    }
    for (name, value) in saved.members {
      guard let kind = SavingKind.allCases.first(where: { name.isString($0.rawValue) }), let requests = count(value["requests"]),
        let cost = count(value["microUSD"])
      else { return nil }
      tally.save(Saving(requests: requests, cost: MicroUSD(cost)), by: kind)
    }
    return tally
  }
}
