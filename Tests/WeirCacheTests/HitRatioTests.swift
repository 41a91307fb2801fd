import Testing
import WeirCore

@testable import WeirCache

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Least recently used, weighted by bytes: what S3-FIFO is to beat.
private struct LRU {
  let capacity: Int
  private(set) var bytes = 0
  private var weights: [Int: Int] = [:]
  private var lastUse: [Int: Int] = [:]
  /// Every use, oldest first; those that are not the key's last one are skipped.
  private var uses: [Int] = []
  private var front = 0

  init(capacity: Int) { self.capacity = capacity }

  mutating func find(_ number: Int) -> Bool {
    guard weights[number] != nil else { return false }
    use(number)
    return true
  }

  mutating func insert(_ number: Int, weight: Int) {
    while bytes + weight > capacity {
      let number = uses[front]
      if lastUse[number] == front, let weight = weights.removeValue(forKey: number) { bytes -= weight }
      front += 1
    }
    weights[number] = weight
    bytes += weight
    use(number)
  }

  private mutating func use(_ number: Int) {
    lastUse[number] = uses.count
    uses.append(number)
  }
}

@Suite("Hit ratio")
struct HitRatioTests {
  /// Requests by Zipf's law with exponent 0.9, and now and then 2,000 keys in a row that nobody asks for again: a third of all requests.
  private struct Workload {
    static let keys = 30_000
    private var random = SeededGenerator(seed: 9)
    private let cumulative: [Double]
    private var nextScan = keys
    private var scanLeft = 0
    let weights: [Int]

    init() {
      var sum = 0.0
      cumulative = (1...Self.keys).map { rank in
        sum += 1 / pow(Double(rank), 0.9)
        return sum
      }
      var random = SeededGenerator(seed: 10)
      // Sizes as they are seen: the median at 4 KB, a long tail up to 1 MB (a sum of twelve uniform numbers is nearly normal).
      weights = (0..<Self.keys).map { _ in
        let normal = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
        return min(1 << 20, max(200, Int(4096 * exp(normal))))
      }
    }

    func weight(of number: Int) -> Int { weights[number % Self.keys] }

    mutating func next(scans: Bool) -> (number: Int, isScan: Bool) {
      if scans, scanLeft == 0, Int.random(in: 0..<4_000, using: &random) == 0 { scanLeft = 2_000 }
      if scanLeft > 0 {
        scanLeft -= 1
        nextScan += 1
        return (nextScan, true)
      }
      let point = Double.random(in: 0..<(cumulative.last ?? 1), using: &random)
      var (low, high) = (0, Self.keys - 1)
      while low < high {
        let middle = (low + high) / 2
        if cumulative[middle] < point { low = middle + 1 } else { high = middle }
      }
      return (low, false)
    }
  }

  private func ratios(scans: Bool, share: Int) -> (s3fifo: Double, lru: Double) {
    var workload = Workload()
    let capacity = workload.weights.reduce(0, +) * share / 100
    var policy = S3FIFO(limits: S3FIFOLimits(capacity: capacity, maxEntry: capacity, quotaShare: 1))
    var lru = LRU(capacity: capacity)
    var (asked, s3fifoHits, lruHits) = (0, 0, 0)
    for _ in 0..<200_000 {
      let (number, isScan) = workload.next(scans: scans)
      let key = CacheKey.numbered(number)
      let inPolicy = policy.find(key, now: .zero) != nil
      let inLRU = lru.find(number)
      if !inPolicy {
        _ = policy.insert(key, weight: workload.weight(of: number), lifespan: .endless, owner: nil, now: .zero)
        policy.freed.removeAll(keepingCapacity: true)
      }
      if !inLRU { lru.insert(number, weight: workload.weight(of: number)) }
      if !isScan {
        asked += 1
        s3fifoHits += inPolicy ? 1 : 0
        lruHits += inLRU ? 1 : 0
      }
    }
    return (Double(s3fifoHits) / Double(asked), Double(lruHits) / Double(asked))
  }

  @Test("at 5 % of the bytes it beats LRU by five points and more, with scans and without", arguments: [false, true])
  func beatsLRU(scans: Bool) {
    let (s3fifo, lru) = ratios(scans: scans, share: 5)
    #expect(s3fifo >= lru + 0.05, "S3-FIFO \(s3fifo), LRU \(lru)")
  }

  @Test("scans cost it less than two points")
  func scansCostLittle() {
    let quiet = ratios(scans: false, share: 5).s3fifo
    let scanned = ratios(scans: true, share: 5).s3fifo
    #expect(scanned >= quiet - 0.02, "\(quiet) without, \(scanned) with")
  }
}
