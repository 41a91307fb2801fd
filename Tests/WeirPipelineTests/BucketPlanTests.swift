import Testing

@testable import WeirPipeline

@Suite("Which time buckets to ask for (issue 3)")
struct BucketPlanTests {
  @Test(
    "gaps are asked for along where that costs no more",
    arguments: [
      ([Int](), [Range<Int>]()), ([3], [3..<4]), ([0, 1, 2], [0..<3]), ([0, 5], [0..<6]), ([0, 99], [0..<1, 99..<100]),
      ([0, 9, 99], [0..<10, 99..<100]),
    ])
  func ranges(missing: [Int], expected: [Range<Int>]) {
    // Forty buckets a page: from the ninetieth on, two requests cost less than one long one.
    let plan = BucketPlan(missing: missing) { 1 + ($0.count - 1) / 40 }
    #expect(plan.ranges == expected)
  }

  @Test("no other way to cover what is missing costs less, or as much in fewer ranges")
  func optimal() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let missing = (0..<14).filter { _ in Bool.random(using: &generator) }
      let page = Int.random(in: 1...8, using: &generator)
      let price: (Range<Int>) -> Int = { 1 + ($0.count - 1) / page }
      let plan = BucketPlan(missing: missing, price: price)
      #expect(missing.allSatisfy { index in plan.ranges.contains { $0.contains(index) } })
      #expect(zip(plan.ranges, plan.ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
      let cost = plan.ranges.reduce(0) { $0 + price($1) }
      for other in Self.covers(missing) {
        let otherCost = other.reduce(0) { $0 + price($1) }
        #expect((cost, plan.ranges.count) <= (otherCost, other.count), "\(missing) \(page) \(plan.ranges) \(other)")
      }
    }
  }

  /// Every way to cut the missing indices into ranges between neighbours.
  private static func covers(_ missing: [Int]) -> [[Range<Int>]] {
    guard let first = missing.first else { return [[]] }
    return missing.indices.flatMap { end in
      covers(Array(missing[(end + 1)...])).map { [first..<missing[end] + 1] + $0 }
    }
  }
}
