import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("Questions to Cost Explorer that mean the same (issue 3)")
struct CostQueryTests {
  static func policy(_ arguments: String) throws -> CallPolicy {
    AWSBillingPack().policy(tool: "cost-explorer", arguments: try json(arguments), today: CivilDate(year: 2026, month: 11, day: 23))
  }

  private static let question = #""operation":"getCostAndUsage","start_date":"2026-10-01","end_date":"2026-11-01""#

  @Test("one of 100,000 pairs that share a key has the same answer, from every ledger; what is sent has it too")
  func equalKeys() throws {
    var random = SeededRandom(1)
    let servers = [CostServer(seed: 1, rows: 24), CostServer(seed: 2, rows: 24), CostServer(seed: 3, rows: 24)]
    var asked: [(key: [UInt8], answers: [[UInt8]])] = []
    var sent: [[UInt8]: [[UInt8]]] = [:]
    for _ in 0..<600 {
      let arguments = CostQuestion.any(&random).spelled(&random)
      let policy = try Self.policy(arguments)
      try #require(policy.merging != nil, "\(arguments)")
      let answers = try servers.map { try $0.answer(try json(arguments)) }
      if sent[policy.keyArguments] == nil {
        let canonical = try JSONDocument(parsing: try #require(policy.sentArguments)).root
        sent[policy.keyArguments] = try servers.map { try $0.answer(canonical) }
      }
      #expect(sent[policy.keyArguments] == answers, "\(arguments)")
      asked.append((policy.keyArguments, answers))
    }
    var equal = 0
    for _ in 0..<100_000 {
      let (left, right) = (random.pick(asked), random.pick(asked))
      guard left.key == right.key else { continue }
      equal += 1
      if left.answers != right.answers { Issue.record("\(String(decoding: left.key, as: UTF8.self))") }
    }
    #expect(equal > 100)
  }

  @Test("a question written in other ways keeps its key")
  func spellings() throws {
    var random = SeededRandom(2)
    for _ in 0..<1500 {
      let question = CostQuestion.any(&random)
      let (left, right) = (question.spelled(&random), question.spelled(&random))
      let keys = try [left, right].map { try Self.policy($0).keyArguments }
      #expect(keys[0] == keys[1], "\(left)\n\(right)")
      #expect(try Self.policy(String(decoding: keys[0], as: UTF8.self)).keyArguments == keys[0])
      let sent = try #require(try Self.policy(left).sentArguments)
      #expect(try Self.policy(String(decoding: sent, as: UTF8.self)).keyArguments == keys[0])
    }
  }

  @Test(
    "what is no option of the question is left out",
    arguments: [
      #""metrics":[]"#, #""metrics":"[]""#, #""metrics":"""#, #""group_by":[]"#, #""group_by":"""#, #""filter":{}"#, #""filter":"{}""#,
      #""filter":null"#, #""context":null"#, #""context":"COST_AND_USAGE""#, #""prediction_interval_level":80"#, #""billing_view_arn":"""#,
      #""max_pages":null,"next_token":null"#, #""granularity":"DAILY","metrics":["UnblendedCost","UnblendedCost"]"#,
    ])
  func leftOut(_ members: String) throws {
    #expect(try Self.policy("{\(Self.question),\(members)}").keyArguments == Self.policy("{\(Self.question)}").keyArguments)
  }

  @Test(
    "what is not understood exactly is neither merged nor cut, and keeps the key of its own text",
    arguments: [
      #""filter":{"Dimensions":{"Key":"SERVICE","Values":["a"]},"Tags":{"Key":"t","Values":["a"]}}"#,
      #""filter":{"Dimensions":{"Key":"SERVICE","Values":["a"],"More":1}}"#, #""filter":{"Dimensions":{"Key":"SERVICE"}}"#,
      #""filter":{"Dimensions":{"Key":"SERVICE","Values":[]}}"#, #""filter":{"Dimensions":{"Key":"SERVICE","Values":[1]}}"#,
      #""filter":{"Dimensions":{"Key":"SERVICE","Values":["a"],"MatchOptions":[]}}"#,
      #""filter":{"Dimensions":{"Key":"SERVICE","Values":["a"],"MatchOptions":["SOUNDS_LIKE"]}}"#, #""filter":{"And":[]}"#,
      #""filter":{"ProductAttributes":{"Key":"model","Values":["a"]}}"#, #""filter":"no JSON""#, #""filter":[1]"#,
      #""group_by":[{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"DIMENSION","Key":"SERVICE"}]"#,
      #""group_by":[{"Type":"DIMENSION","Key":"A"},{"Type":"TAG","Key":"B"},{"Type":"TAG","Key":"C"}]"#,
      #""group_by":[{"Type":"PRODUCT_ATTRIBUTE","Key":"model"}]"#, #""group_by":[{"Key":"SERVICE"}]"#,
      #""metrics":["unblendedcost"]"#, #""metrics":"UnblendedCost""#, #""granularity":"daily""#, #""granularity":"HOURLY""#,
      #""max_pages":1"#, #""max_results":10"#, #""context":"RESERVATIONS""#, #""tomorrow":1"#, #""prediction_interval_level":90"#,
    ])
  func notUnderstood(_ members: String) throws {
    let policy = try Self.policy("{\(Self.question),\(members)}")
    #expect(policy.freshness != nil)
    #expect(policy.merging == nil && policy.buckets == nil && policy.sentArguments == nil)
    #expect(policy.keyArguments != (try Self.policy("{\(Self.question)}").keyArguments))
  }

  @Test("a range that ends before it begins is asked as it is", arguments: [("2026-11-01", "2026-10-01"), ("2026-10-01", "2026-10-01")])
  func backwards(_ start: String, _ end: String) throws {
    let policy = try Self.policy(#"{"operation":"getCostAndUsage","start_date":"\#(start)","end_date":"\#(end)"}"#)
    #expect(policy.merging == nil && policy.sentArguments == nil)
  }

  @Test("texts that differ in their bytes are different values")
  func bytes() throws {
    func key(_ value: String) throws -> [UInt8] {
      try Self.policy(#"{\#(Self.question),"filter":{"Tags":{"Key":"t","Values":["\#(value)"]}}}"#).keyArguments
    }
    #expect(try key("gr\u{F6}\u{DF}e") != key("gro\u{308}\u{DF}e"))
    #expect(try key("\\u00f6") == key("\u{F6}"))
  }

  @Test("the next page is asked for in the form in which the first one was sent")
  func nextPage() throws {
    let first = try Self.policy("{\(Self.question),\"metrics\":\"[\\\"UsageQuantity\\\",\\\"UnblendedCost\\\"]\"}")
    let next = try Self.policy("{\(Self.question),\"next_token\":\"t\",\"metrics\":\"[\\\"UsageQuantity\\\",\\\"UnblendedCost\\\"]\"}")
    #expect(next.caching == .never)
    let sent = try JSONDocument(parsing: try #require(next.sentArguments)).root
    #expect(sent["next_token"]?.string == "t")
    #expect(sent.removing(["next_token"]) == first.sentArguments)
  }
}
