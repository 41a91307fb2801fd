package import WeirCore
internal import WeirJSON
package import WeirPipeline

/// A month as people look at it: everything together, and by tool, tenant and provider, what costs and saves most first.
package struct UsageReport: Sendable {
  /// One name and its numbers.
  package struct Line: Equatable, Sendable {
    package let name: String
    package let tally: UsageTally
  }

  package let month: UsageMonth
  package let since: WallTime
  /// False where the numbers end with the process that counts them.
  package let isKept: Bool
  package let total: UsageTally
  /// By `upstream/tool`.
  package let tools: [Line]
  package let tenants: [Line]
  package let providers: [Line]

  package init(_ month: UsageMonth, _ usage: MonthlyUsage, isKept: Bool) {
    self.month = month
    self.since = usage.since
    self.isKept = isKept
    total = usage.total
    tools = Self.lines(usage) { "\($0.upstream)/\($0.tool)" }
    tenants = Self.lines(usage) { $0.tenant.string }
    providers = Self.lines(usage) { $0.provider.string }
  }

  /// From what `GET /usage` answered.
  package init(answer: [UInt8]) throws(UsageFormat.Problem) {
    let root = try UsageFormat.root(of: answer)
    guard let isKept = root["isKept"]?.bool else { throw .broken("it has no \"isKept\"") }
    let (month, usage) = try UsageFormat.month(root)
    self.init(month, usage, isKept: isKept)
  }

  private static func lines(_ usage: MonthlyUsage, by name: (UsageKey) -> String) -> [Line] {
    var tallies: [Name: UsageTally] = [:]
    for (key, tally) in usage.rows {
      let name = Name(name(key))
      tallies[name] = tallies[name].map { $0 + tally } ?? tally
    }
    return tallies.sorted { Self.rank($0.value, $0.key, before: $1.value, $1.key) }.map { Line(name: $0.key.string, tally: $0.value) }
  }

  /// Money that was spent or saved; among equals requests, then calls, then the name.
  private static func rank(_ left: UsageTally, _ leftName: Name, before right: UsageTally, _ rightName: Name) -> Bool {
    let money = (left.spent + left.allSaved.cost, right.spent + right.allSaved.cost)
    if money.0 != money.1 { return money.0 > money.1 }
    let requests = (left.requestsSent.addingSaturating(left.allSaved.requests), right.requestsSent.addingSaturating(right.allSaved.requests))
    if requests.0 != requests.1 { return requests.0 > requests.1 }
    return left.allCalls != right.allCalls ? left.allCalls > right.allCalls : leftName < rightName
  }

  // MARK: JSON

  /// One object; amounts are exact decimals in US dollars.
  /// - Parameter top: how many tools, tenants and providers at most.
  package func json(top: Int) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("month", month.description)
    writer.member("since", UsageText.timestamp(since))
    writer.member("isKept", isKept)
    writer.key("total")
    writer.beginObject()
    Self.write(total, to: &writer)
    writer.endObject()
    for (title, lines) in [("tools", tools), ("tenants", tenants), ("providers", providers)] {
      writer.key(title)
      writer.beginArray()
      for line in lines.prefix(top) {
        writer.beginObject()
        writer.member("name", line.name)
        Self.write(line.tally, to: &writer)
        writer.endObject()
      }
      writer.endArray()
    }
    writer.endObject()
    return writer.bytes
  }

  private static func write(_ tally: UsageTally, to writer: inout JSONWriter) {
    writer.member("calls", tally.allCalls)
    writer.key("outcomes")
    writer.beginObject()
    for outcome in CallOutcome.allCases { writer.member(outcome.rawValue, tally.calls(outcome)) }
    writer.endObject()
    writer.member("requestsSent", tally.requestsSent)
    writer.member("requestsAvoided", tally.allSaved.requests)
    writer.memberRaw("spentUSD", amount(tally.spent))
    writer.memberRaw("savedUSD", amount(tally.allSaved.cost))
    writer.key("savedBy")
    writer.beginObject()
    for kind in SavingKind.allCases {
      writer.key(kind.rawValue)
      writer.beginObject()
      writer.member("requests", tally.saved(by: kind).requests)
      writer.memberRaw("usd", amount(tally.saved(by: kind).cost))
      writer.endObject()
    }
    writer.endObject()
  }

  private static func amount(_ money: MicroUSD) -> [UInt8] {
    Array(UsageText.dollars(money, decimals: UsageText.decimals(of: money)).utf8)
  }
}

extension UsageTally {
  /// From memory or Redis, fresh or stale.
  var hits: Int64 { calls(.hitMemory).addingSaturating(calls(.hitRedis)).addingSaturating(calls(.stale)) }
}
