import Testing
import WeirCore
import WeirJSON

@testable import WeirBilling

@Suite("Rows of Cost Explorer's answers, value by value (issue 3)")
struct CostSlicesTests {
  private static func query(_ conditions: [String], groups: [String]) throws -> CostQuery {
    let leaves = conditions.map { condition in
      let parts = condition.split(separator: "=").map(String.init)
      let values = parts[1].split(separator: "|").map { #""\#($0)""# }.joined(separator: ",")
      return #"{"Dimensions":{"Key":"\#(parts[0])","Values":[\#(values)]}}"#
    }
    let filter = leaves.isEmpty ? "" : #","filter":\#(leaves.count == 1 ? leaves[0] : #"{"And":[\#(leaves.joined(separator: ","))]}"#)"#
    let keys = groups.map { #"{"Type":"DIMENSION","Key":"\#($0)"}"# }.joined(separator: ",")
    return try requireValue(
      CostQuery(
        try json(#"{"operation":"getCostAndUsage","start_date":"2026-11-01","end_date":"2026-11-03","group_by":[\#(keys)]\#(filter)}"#)))
  }

  @Test(
    "an answer by two keys tells how many rows each value of either has by itself, and several together",
    arguments: [
      (["LINKED_ACCOUNT=a"], ["SERVICE"], 3.0), (["LINKED_ACCOUNT=b"], ["SERVICE"], 1.0), (["SERVICE=s"], ["LINKED_ACCOUNT"], 2.0),
      (["LINKED_ACCOUNT=a|b"], ["LINKED_ACCOUNT", "SERVICE"], 4.0), (["SERVICE=s"], ["SERVICE", "LINKED_ACCOUNT"], 2.0),
      (["LINKED_ACCOUNT=a|c"], ["LINKED_ACCOUNT", "SERVICE"], nil), (["LINKED_ACCOUNT=a", "REGION=r"], ["SERVICE"], nil),
      (["LINKED_ACCOUNT=a"], ["REGION"], nil), ([], ["SERVICE"], nil),
    ])
  func whole(_ conditions: [String], _ groups: [String], _ rows: Double?) throws {
    var slices = CostSlices()
    slices.learn(
      try Self.query([], groups: ["LINKED_ACCOUNT", "SERVICE"]), buckets: 2, found: [["a": 6, "b": 2], ["s": 4, "t": 2, "u": 2]])
    #expect(slices.rowsOfBucket(try Self.query(conditions, groups: groups)) == rows)
  }

  @Test("what a filter cuts off a key says nothing of the other, and values without a row have been counted too")
  func filtered() throws {
    var slices = CostSlices()
    slices.learn(
      try Self.query(["LINKED_ACCOUNT=a|b"], groups: ["LINKED_ACCOUNT", "SERVICE"]), buckets: 2, found: [["a": 6], ["s": 2, "t": 2, "u": 2]])
    #expect(slices.rowsOfBucket(try Self.query(["SERVICE=s"], groups: ["LINKED_ACCOUNT"])) == nil)
    #expect(slices.rowsOfBucket(try Self.query(["LINKED_ACCOUNT=a|b"], groups: ["LINKED_ACCOUNT", "SERVICE"])) == 3)
    #expect(slices.rowsOfBucket(try Self.query(["LINKED_ACCOUNT=b"], groups: ["SERVICE"])) == 1)
  }

  @Test("an answer about one value counts for it, up at once and down slowly")
  func single() throws {
    var slices = CostSlices()
    let query = try Self.query(["LINKED_ACCOUNT=a"], groups: ["SERVICE"])
    for (rows, expected) in [(4, 2.0), (10, 5.0), (2, 4.75)] {
      slices.learn(query, buckets: 2, found: [["s": rows]])
      #expect(slices.rowsOfBucket(query) == expected)
    }
  }
}
