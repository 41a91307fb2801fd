import Testing
import WeirCore
import WeirJSON

@testable import WeirBilling

@Suite("How large answers of Cost Explorer are (issue 3)")
struct CostSizesTests {
  private static func query(_ arguments: String) throws -> CostQuery {
    try requireValue(CostQuery(try json(#"{"operation":"getCostAndUsage","start_date":"2026-11-01","end_date":"2026-11-10",\#(arguments)}"#)))
  }

  private static func service(_ values: String) -> String {
    #""filter":{"Dimensions":{"Key":"SERVICE","Values":[\#(values)]}},"group_by":[{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"}]"#
  }

  @Test("slices of one value tell how large several are together")
  func slices() throws {
    var sizes = CostSizes()
    sizes.learn(try Self.query(Self.service(#""a""#)), rowsOfBuckets: [42, 42], isPaged: false, found: [[:]])
    #expect(sizes.rowsOfBucket(try Self.query(Self.service(#""b""#))) == 42)
    let both =
      #""filter":{"Dimensions":{"Key":"SERVICE","Values":["a","b"]}},"group_by":[{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"}]"#
    #expect(sizes.rowsOfBucket(try Self.query(both)) == 84)
  }

  @Test("an answer in pages says how large a page is, and one that is larger than a page was thought to be too")
  func pages() throws {
    var sizes = CostSizes()
    let query = try Self.query(Self.service(#""a""#))
    sizes.learn(query, rowsOfBuckets: [600, 700], isPaged: false, found: [[:]])
    #expect(sizes.page == 1300 && !sizes.isPaged(query, buckets: 9))
    sizes.learn(query, rowsOfBuckets: [60, 0, 39], isPaged: true, found: [[:]])
    #expect(sizes.page == 100 && sizes.isPaged(query, buckets: 9) && sizes.fitsPage(80) && !sizes.fitsPage(81))
    #expect(sizes.pages(ofRows: 100) == 1 && sizes.pages(ofRows: 101) == 2)
  }

  @Test("a page is planned nine tenths full where its rows have been counted, four fifths where they are estimated")
  func room() throws {
    var sizes = CostSizes()
    let all = try Self.query(#""group_by":[{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"}]"#)
    sizes.learn(all, rowsOfBuckets: [100], isPaged: false, found: [["x": 100]])
    sizes.learn(try Self.query(Self.service(#""a""#)), rowsOfBuckets: [100], isPaged: false, found: [["x": 100]])
    for (query, most) in [(all, 9), (try Self.query(Self.service(#""a""#)), 9), (try Self.query(Self.service(#""b""#)), 8)] {
      #expect(sizes.fitsPage(query, buckets: most) && !sizes.fitsPage(query, buckets: most + 1))
    }
  }

  @Test("several values are expected to be nearer to the mean than one, and estimates go down slowly")
  func estimates() throws {
    var sizes = CostSizes()
    for rows in [4, 16] { sizes.learn(try Self.query(Self.service(#""\#(rows)""#)), rowsOfBuckets: [rows], isPaged: false, found: [[:]]) }
    #expect(sizes.rowsOfBucket(try Self.query(Self.service(#""x""#))) == 16)
    let nine = (0..<9).map { #""\#($0)""# }.joined(separator: ",")
    let groups = #""group_by":[{"Type":"DIMENSION","Key":"SERVICE"},{"Type":"DIMENSION","Key":"LINKED_ACCOUNT"}]"#
    let many = try Self.query(#""filter":{"Dimensions":{"Key":"SERVICE","Values":[\#(nine)]}},\#(groups)"#)
    #expect(sizes.rowsOfBucket(many) == 10 * 9 + 6 * 3)
    sizes.learn(try Self.query(Self.service(#""y""#)), rowsOfBuckets: [0], isPaged: false, found: [[:]])
    #expect(sizes.rowsOfBucket(try Self.query(Self.service(#""x""#))) > 15)
  }

  @Test("the currency of a bill is known as long as all answers agree, and metrics are remembered")
  func bill() throws {
    var sizes = CostSizes()
    sizes.learn(try Self.query(#""metrics":["UsageQuantity","AmortizedCost"]"#), rowsOfBuckets: [1], isPaged: false, found: [])
    #expect(sizes.metrics == [.amortizedCost, .usageQuantity] && sizes.currency == nil)
    sizes.learn(currency: "USD")
    sizes.learn(currency: "USD")
    #expect(sizes.currency == "USD")
    sizes.learn(currency: "EUR")
    sizes.learn(currency: "USD")
    #expect(sizes.currency == nil)
  }

  @Test("callers who filter and group by ever other things don't make it grow, and other filters are other sizes")
  func bounded() throws {
    var sizes = CostSizes()
    func tagged(_ number: Int) throws -> CostQuery {
      try Self.query(#""filter":{"Not":{"Tags":{"Key":"t\#(number)","Values":["a"]}}},"group_by":[{"Type":"TAG","Key":"t\#(number)"}]"#)
    }
    sizes.learn(try tagged(1), rowsOfBuckets: [7], isPaged: false, found: [["t1$a": 7]])
    #expect(sizes.rowsOfBucket(try tagged(1)) == 7)
    #expect(sizes.rowsOfBucket(try tagged(2)) == 20)
    #expect(sizes.knows(["a"], of: CostKey(kind: .tag, name: "t1")))
    for number in 2...64 { sizes.learn(try tagged(number), rowsOfBuckets: [1], isPaged: false, found: [[Name("t\(number)$a"): 1]]) }
    #expect(sizes.knows(["a"], of: CostKey(kind: .tag, name: "t1")))
    sizes.learn(try tagged(65), rowsOfBuckets: [1], isPaged: false, found: [["t65$a": 1]])
    #expect(!sizes.knows(["a"], of: CostKey(kind: .tag, name: "t1")) && sizes.knows(["a"], of: CostKey(kind: .tag, name: "t65")))
  }

  @Test("what cannot be counted is no trap")
  func bounds() throws {
    var sizes = CostSizes()
    sizes.learn(try Self.query(Self.service(#""a""#)), rowsOfBuckets: [Int.max / 4, 1], isPaged: false, found: [[:]])
    #expect(sizes.rows(try Self.query(Self.service(#""a""#)), buckets: .max) == .max)
    sizes.learn(try Self.query(Self.service(#""a""#)), rowsOfBuckets: [], isPaged: true, found: [[:]])
    #expect(sizes.page == 1)
  }
}
