/// Which time buckets to ask for: those that are missing, in the contiguous ranges that the provider charges least for; of the plans that cost
/// the same, the one with the fewest ranges, then the one with the fewest buckets that are known already.
struct BucketPlan: Equatable {
  let ranges: [Range<Int>]

  /// - Parameters:
  ///   - missing: the indices that have to be asked for, ascending.
  ///   - price: how many requests the provider charges for a range; at least 1.
  init(missing: [Int], price: (Range<Int>) -> Int) {
    let runs = Self.runs(missing)
    guard !runs.isEmpty else {
      ranges = []
      return
    }
    // The best way to cover the first n runs, for every n: the last range of it begins with some run.
    var best: [Cover] = [Cover()]
    for end in runs.indices {
      let candidates = runs[...end].indices.map { start -> Cover in
        let range = runs[start].lowerBound..<runs[end].upperBound
        return best[start].adding(range, requests: max(1, price(range)))
      }
      best.append(candidates.min() ?? Cover())
    }
    ranges = best[runs.count].ranges
  }

  private struct Cover: Comparable {
    var ranges: [Range<Int>] = []
    var requests = 0
    var buckets = 0

    func adding(_ range: Range<Int>, requests: Int) -> Cover {
      Cover(ranges: ranges + [range], requests: self.requests + requests, buckets: buckets + range.count)
    }

    static func < (left: Cover, right: Cover) -> Bool {
      (left.requests, left.ranges.count, left.buckets) < (right.requests, right.ranges.count, right.buckets)
    }
  }

  /// Neighbouring indices as ranges.
  private static func runs(_ indices: [Int]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for index in indices {
      if let last = runs.last, last.upperBound == index {
        runs[runs.count - 1] = last.lowerBound..<index + 1
      } else {
        runs.append(index..<index + 1)
      }
    }
    return runs
  }
}
