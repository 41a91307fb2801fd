import Testing
import WeirCore
import WeirJSON

@testable import WeirBilling

@Suite("Answers put together from those that cut the bill the other way (issue 3)")
struct CostAssemblyTests {
  private struct Parts {
    let list: JSONDocument
    let answers: [JSONDocument]

    init?(of rule: any AssemblyRule, _ bucket: TimeBucket, _ server: CostServer) throws {
      func answer(_ rule: any BucketRule) throws -> JSONDocument {
        let arguments = rule.call(from: bucket.start, to: bucket.end).sentArguments
        return try JSONDocument(parsing: server.answer(try JSONDocument(parsing: arguments).root))
      }
      list = try answer(rule.list)
      guard let parts = rule.parts(list.root, of: bucket) else { return nil }
      answers = try parts.map(answer)
    }

    func assembled(by rule: any AssemblyRule, _ bucket: TimeBucket) -> [UInt8]? { rule.assemble(list.root, answers.map(\.root), of: bucket) }
  }

  @Test("what is put together is the direct answer, bucket for bucket, byte for byte", arguments: 0..<2)
  func exact(_ seed: UInt64) throws {
    var random = SeededRandom(seed &+ 900)
    var (compared, untold, rows) = (0, 0, 0)
    for round in 0..<exactnessRounds {
      let server = CostServer(seed: seed * 1000 + UInt64(round), rows: 8 + random.below(30))
      var question = CostQuestion.any(&random)
      if question.granularity == "HOURLY" { question.granularity = "DAILY" }
      question.groups = [random.pick(CostQuestion.keys)]
      question.filters = random.chance(40) ? [CostQuestion.filter(&random, depth: 2)] : []
      question.filters.append(CostQuestion.leaf(random.pick(CostQuestion.keys), &random, count: 1))
      question.move(&random)
      guard let query = CostQuery(try json(question.spelled(&random))), let buckets = CostAndUsageBuckets.buckets(of: query) else { continue }
      let direct = CostAndUsageBuckets(query: query, book: CostBook())
      for rule in direct.assemblies() {
        for bucket in buckets.prefix(4) {
          guard let parts = try Parts(of: rule, bucket, server), let own = parts.assembled(by: rule, bucket) else {
            untold += 1
            continue
          }
          compared += 1
          let arguments = direct.call(from: bucket.start, to: bucket.end).sentArguments
          let expected = try server.answer(try JSONDocument(parsing: arguments).root)
          if String(decoding: own, as: UTF8.self).contains("Amount") { rows += 1 }
          if own != expected { Issue.record("\(query)\n\(String(decoding: own, as: UTF8.self))\n\(String(decoding: expected, as: UTF8.self))") }
        }
      }
    }
    #expect(compared > exactnessRounds / 2 && rows > exactnessRounds / 10, "\(compared) compared, \(untold) untold, \(rows) with rows")
  }

  @Test("one sum among the parts, or in the list, makes what is put together a derived answer", arguments: [-1, 0, 1, nil])
  func label(_ place: Int?) throws {
    let server = CostServer(seed: 4)
    let rule = try requireValue(Self.assemblies(Self.leaf("LINKED_ACCOUNT", #""111111111111""#)).first)
    let bucket = try requireValue(CostAndUsageBuckets.buckets(of: try requireValue(CostQuery(try json(Self.day))))?.first)
    let parts = try requireValue(try Parts(of: rule, bucket, server))
    func labelled(_ answer: JSONDocument) throws -> JSONValue {
      try JSONDocument(parsing: answer.root.setting("_meta", to: Array(#"{"weir/derived":true}"#.utf8))).root
    }
    let answers = try parts.answers.enumerated().map { try $0 == place ? labelled($1) : $1.root }
    let list = try place == -1 ? labelled(parts.list) : parts.list.root
    let whole = try JSONDocument(parsing: try requireValue(rule.assemble(list, answers, of: bucket))).root
    #expect(whole["_meta"]?["weir/derived"]?.bool == (place == nil ? nil : true))
  }

  private static let day = #"{"operation":"getCostAndUsage","start_date":"2026-11-01","end_date":"2026-11-02"}"#

  private static func assemblies(_ conditions: String, groups: String = #"{"Type":"DIMENSION","Key":"SERVICE"}"#) throws -> [any AssemblyRule] {
    let arguments =
      #"{"operation":"getCostAndUsage","start_date":"2026-11-01","end_date":"2026-11-02","filter":\#(conditions),"group_by":[\#(groups)]}"#
    return CostAndUsageBuckets(query: try requireValue(CostQuery(try json(arguments))), book: CostBook()).assemblies()
  }

  private static func leaf(_ key: String, _ values: String) -> String { #"{"Dimensions":{"Key":"\#(key)","Values":[\#(values)]}}"# }

  @Test(
    "only a question about one value of a key, grouped by one other, is put together",
    arguments: [
      (leaf("REGION", #""r""#), 1), (leaf("REGION", #""r","s""#), 0), (leaf("SERVICE", #""s""#), 0),
      (#"{"And":[\#(leaf("REGION", #""r""#)),\#(leaf("SERVICE", #""s""#))]}"#, 0),
      (#"{"And":[\#(leaf("REGION", #""r""#)),\#(leaf("AZ", #""z""#))]}"#, 2),
      (#"{"And":[\#(leaf("REGION", #""r""#)),{"Not":\#(leaf("REGION", #""s""#))}]}"#, 0),
    ])
  func form(_ conditions: String, _ count: Int) throws {
    #expect(try Self.assemblies(conditions).count == count)
    #expect(try Self.assemblies(conditions, groups: #"{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"DIMENSION","Key":"OPERATION"}"#).isEmpty)
  }

  @Test("a list that is not in the order of its names, or a part of another day's making, tells nothing", arguments: ["order", "estimated", "part"])
  func untold(_ what: String) throws {
    func answer(_ key: String, _ groups: [String], estimated: Bool = false) throws -> JSONValue {
      let rows = groups.map { #"{"Keys":["\#($0)"],"Metrics":{"UnblendedCost":{"Amount":"1","Unit":"USD"}}}"# }.joined(separator: ",")
      let bucket = #"{"TimePeriod":{"Start":"2026-11-01","End":"2026-11-02"},"Total":{},"Groups":[\#(rows)],"Estimated":\#(estimated)}"#
      let definitions = #"[{"Type":"DIMENSION","Key":"\#(key)"}]"#
      return try result(
        #"{"status":"success","data":{"GroupDefinitions":\#(definitions),"ResultsByTime":[\#(bucket)],"DimensionValueAttributes":[]}}"#)
    }
    let rule = try #require(try Self.assemblies(Self.leaf("REGION", #""r""#)).first)
    let bucket = TimeBucket(start: CivilDate(year: 2026, month: 11, day: 1), end: CivilDate(year: 2026, month: 11, day: 2))
    let list = try answer("SERVICE", ["a", "b"])
    let parts = [try answer("REGION", ["q", "r"]), try answer("REGION", ["s"])]
    #expect(rule.parts(list, of: bucket)?.count == 2)
    #expect(rule.assemble(list, parts, of: bucket) != nil)
    switch what {
    case "order":
      let list = try answer("SERVICE", ["b", "a"])
      #expect(rule.parts(list, of: bucket) == nil && rule.assemble(list, parts, of: bucket) == nil)
    case "estimated": #expect(rule.assemble(list, [parts[0], try answer("REGION", ["s"], estimated: true)], of: bucket) == nil)
    default: #expect(rule.assemble(list, [parts[0]], of: bucket) == nil && rule.assemble(list, [parts[0], list], of: bucket) == nil)
    }
  }
}
