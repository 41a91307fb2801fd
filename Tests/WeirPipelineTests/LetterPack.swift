import NIOConcurrencyHelpers
import WeirBilling
import WeirCore
import WeirJSON

/// A server whose tool `get` answers for `letters`, or for a row of days; calls for letters merge, and days are buckets. What its answers say
/// is made from what was asked, so that a wrong share shows.
struct LetterPack: PolicyPack {
  let name = "letters"
  let providers = [ProviderFacts(name: "provider", price: MicroUSD(10_000), rate: 100, burst: 100)]
  let calendar: any BillingCalendar = AWSBillingCalendar()
  /// Letters that others are likely to ask for.
  var likely: [String] = []
  let refusals = NIOLockedValueBox<[CivilDate]>([])
  /// Whose days are not to be asked of everybody's any more.
  let refusedDays = NIOLockedValueBox<[String]>([])

  func policy(tool: Name, arguments: JSONValue?, context: PolicyContext) -> CallPolicy {
    guard let arguments, let key = try? arguments.canonical() else { return CallPolicy(caching: .never) }
    var policy = CallPolicy(caching: .cached(Freshness(fresh: .minutes(10), stale: .minutes(60))), keyArguments: key)
    if let letters = arguments["letters"]?.string {
      policy.merging = MergeableCall(group: Array("letters".utf8), rule: LetterMerge(likely: likely, refusals: refusals), query: letters)
    }
    if let from = Self.day(arguments["from"]), let to = Self.day(arguments["to"]) {
      let buckets = (0..<to.days - from.days).map { TimeBucket(start: from + $0, end: from + $0 + 1) }
      policy.buckets = BucketedCall(
        buckets: buckets, rule: DayRule(who: arguments["who"]?.string, refused: refusedDays),
        freshness: BucketFreshness(table: context.freshness, today: context.today))
    }
    return policy
  }

  func knowledge(of tool: Name) -> ToolKnowledge { .cached }
  func describe(tool: Name, freshness: FreshnessTable) -> String { "cached" }

  func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool, freshness: FreshnessTable) -> ResultVerdict {
    let text = result["content"]?[0]?["text"]?.string ?? ""
    if text == "throttled" { return .throttled }
    return isError ? .notAnAnswer : .answer(bytes: nil, cap: nil, requests: 1)
  }

  static func day(_ value: JSONValue?) -> CivilDate? { value?.stringBytes.flatMap { CivilDate($0) } }

  /// What the server answers to a call.
  static func answer(to params: [UInt8], number: Int) -> String {
    guard let arguments = (try? JSONDocument(parsing: params))?.root["arguments"] else { return textResult("no arguments", isError: true) }
    if let letters = arguments["letters"]?.string { return textResult(letters.map { "<\($0)>" }.joined()) }
    guard let from = day(arguments["from"]), let to = day(arguments["to"]) else { return textResult("no range", isError: true) }
    let who = arguments["who"]?.string.map { "@\($0)" } ?? ""
    return textResult((from.days..<to.days).map { "[\(CivilDate(days: $0).text)#\(number)\(who)]" }.joined())
  }
}

/// Letters merge by union. `!` cannot be told from a common answer, and `#` merges with nothing.
struct LetterMerge: MergeRule {
  let likely: [String]
  let refusals: NIOLockedValueBox<[CivilDate]>

  func canMerge(_ one: String, _ other: String) -> Bool { !one.contains("#") && !other.contains("#") }

  func merge(_ queries: [String], within limits: MergeLimits) -> String? { queries.count <= limits.members ? queries.joined() : nil }

  func neighbours(of query: String, on day: CivilDate) -> [[UInt8]] {
    refusals.withLockedValue { $0.contains(day) } ? [] : likely.filter { $0 != query }.map { Array(#"{"letters":"\#($0)"}"#.utf8) }
  }

  func refuseNeighbours(of query: String, on day: CivilDate) { refusals.withLockedValue { $0.append(day) } }

  func arguments(of merged: String) -> [UInt8] { Array(#"{"letters":"\#(merged)"}"#.utf8) }

  func split(_ result: JSONValue, of merged: String, for member: String) -> [UInt8]? {
    guard !member.contains("!"), let text = result["content"]?[0]?["text"]?.string, member.allSatisfy({ text.contains("<\($0)>") }) else {
      return nil
    }
    return Array(textResult(member.map { "<\($0)>" }.joined()).utf8)
  }
}

/// Days, each as `[2026-11-01#7]`, where 7 is the number of the request that brought it. Somebody's own are `[2026-11-01#7@a]`; everybody's hold
/// them, and are asked in their place.
struct DayRule: BucketRule {
  var who: String?
  var refused: NIOLockedValueBox<[String]>?

  var shape: [UInt8] { Array("days \(who ?? "")".utf8) }

  func call(from start: CivilDate, to end: CivilDate) -> BucketCall {
    let own = who.map { #","who":"\#($0)""# } ?? ""
    let arguments = Array(#"{"from":"\#(start.text)","to":"\#(end.text)"\#(own)}"#.utf8)
    return BucketCall(keyArguments: arguments, sentArguments: arguments, merging: nil)
  }

  func requests(buckets: Int) -> Int { 1 + (buckets - 1) / 40 }

  func cut(_ result: JSONValue, into buckets: [TimeBucket]) -> [BucketAnswer]? {
    guard let text = result["content"]?[0]?["text"]?.string else { return nil }
    let days = text.split(separator: "]").map { $0 + "]" }
    guard days.count == buckets.count, days.allSatisfy({ $0.hasPrefix("[") }) else { return nil }
    return days.map { BucketAnswer(result: Array(textResult(String($0)).utf8), isEstimated: false, isEmpty: false) }
  }

  func join(_ answers: [JSONValue]) -> [UInt8]? {
    let days = answers.compactMap { $0["content"]?[0]?["text"]?.string }
    return days.count == answers.count ? Array(textResult(days.joined()).utf8) : nil
  }

  /// These are asked by themselves, and `both` is put together from `x` and `y`, as `list` has it.
  private static let alone: Set<String> = ["list", "x", "y", "both"]

  /// What `sum…` asks for has to be added up.
  private var isSum: Bool { who?.hasPrefix("sum") ?? false }

  func wider() -> [any WiderRule] { everybodys().filter { !$0.addsUp } }

  func sums(on day: CivilDate) -> [any WiderRule] { isRefused ? [] : everybodys().filter(\.addsUp) }

  private func everybodys() -> [EverybodysDays] {
    guard let who, !Self.alone.contains(who) else { return [] }
    return [EverybodysDays(who: who, addsUp: isSum, refused: refused)]
  }

  private var isRefused: Bool { who.map { who in refused?.withLockedValue { $0.contains(who) } ?? false } ?? false }

  func assemblies() -> [any AssemblyRule] { who == "both" ? [BothsDays()] : [] }

  /// With the two days before; for `itself` what was asked.
  func asking(_ missing: Int, of range: TimeBucket, today: CivilDate, addingUp: Bool) -> WiderAsk? {
    guard let who, !Self.alone.contains(who), addingUp || !isSum, !isRefused else { return nil }
    let own = (range.start.days..<range.end.days).map { TimeBucket(start: CivilDate(days: $0), end: CivilDate(days: $0 + 1)) }
    if who == "itself" { return WiderAsk(buckets: own, rule: self, wider: EverybodysDays(who: who)) }
    let buckets = (range.start.days - 2..<range.end.days).map { TimeBucket(start: CivilDate(days: $0), end: CivilDate(days: $0 + 1)) }
    return WiderAsk(buckets: buckets, rule: DayRule(), wider: EverybodysDays(who: who, addsUp: isSum, refused: refused))
  }
}

/// The days of `x` and `y`.
struct BothsDays: AssemblyRule {
  var list: any BucketRule { DayRule(who: "list") }

  func parts(_ list: JSONValue, of bucket: TimeBucket) -> [any BucketRule]? { [DayRule(who: "x"), DayRule(who: "y")] }

  func assemble(_ list: JSONValue, _ parts: [JSONValue], of bucket: TimeBucket) -> [UInt8]? {
    let texts = parts.compactMap { $0["content"]?[0]?["text"]?.string?.dropFirst().dropLast() }
    return texts.count == 2 ? Array(textResult("[\(texts.joined(separator: "+"))]").utf8) : nil
  }
}

/// Everybody's days, in which `!` and `sum!` cannot be told from the others.
struct EverybodysDays: WiderRule {
  let who: String
  var addsUp = false
  var refused: NIOLockedValueBox<[String]>?

  var rule: any BucketRule { DayRule() }

  func slice(_ result: JSONValue, of bucket: TimeBucket) -> [UInt8]? {
    guard !who.hasSuffix("!"), let text = result["content"]?[0]?["text"]?.string, text.hasPrefix("[\(bucket.start.text)#") else { return nil }
    return Array(textResult(text.dropLast() + "@\(who)]").utf8)
  }

  func refuse(on day: CivilDate) {}

  func refuseSums(on day: CivilDate) { refused?.withLockedValue { $0.append(who) } }
}
