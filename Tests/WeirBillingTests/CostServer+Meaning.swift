import WeirCore
import WeirJSON

extension CostServer {
  struct Bucket {
    let start: String
    let end: String
    let days: [Int]
    let isHour: Bool
  }

  /// What a filter expression lets through. Also reads what Cost Explorer refuses, such as an And of one.
  static func predicate(_ expression: JSONValue) -> ([String: String]) -> Bool {
    for (name, body) in expression.members {
      let root = name.string ?? ""
      switch root {
      case "And", "Or":
        let parts = body.elements.map(predicate)
        return root == "And" ? { row in parts.allSatisfy { $0(row) } } : { row in parts.contains { $0(row) } }
      case "Not":
        let part = predicate(body)
        return { !part($0) }
      default:
        let key = "\(root)/\(body["Key"]?.string ?? "")"
        let values = body["Values"]?.elements.compactMap(\.string) ?? []
        let options = Set(body["MatchOptions"]?.elements.compactMap(\.string) ?? [])
        if options.contains("ABSENT") || values.isEmpty { return { $0[key] == nil } }
        if options.contains("STARTS_WITH") { return { row in values.contains { (row[key] ?? "").hasPrefix($0) } } }
        return { values.contains($0[key] ?? "") }
      }
    }
    return { _ in true }
  }

  static func buckets(_ start: String, _ end: String, _ granularity: String) throws -> [Bucket] {
    if granularity == "HOURLY" { return try hours(start, end) }
    let first = try requireValue(CivilDate(Array(start.utf8)))
    let last = try requireValue(CivilDate(Array(end.utf8)))
    var (buckets, day) = ([Bucket](), first)
    while day < last {
      let next = granularity == "DAILY" ? day + 1 : min(last, day.firstOfNextMonth)
      buckets.append(Bucket(start: day.text, end: next.text, days: Array(day.days..<next.days), isHour: false))
      day = next
    }
    return buckets
  }

  private static func hours(_ start: String, _ end: String) throws -> [Bucket] {
    func number(_ text: String) throws -> Int {
      let date = try requireValue(CivilDate(Array(text.utf8.prefix(10))))
      return date.days * 24 + (try requireValue(Int(text.dropFirst(11).prefix(2))))
    }
    func text(_ hour: Int) -> String { "\(CivilDate(days: hour / 24).text)T\(hour % 24 < 10 ? "0" : "")\(hour % 24):00:00Z" }
    return (try number(start)..<number(end)).map { Bucket(start: text($0), end: text($0 + 1), days: [$0 / 24], isHour: true) }
  }
}

extension SeededRandom {
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
