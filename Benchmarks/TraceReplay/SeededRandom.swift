/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed, on every machine.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// A generator of its own for each text, so that what one part draws does not move the others.
  init(seed: UInt64, _ text: some Collection<UInt8>) {
    // FNV-1a.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
    for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    self.init(seed: hash)
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// 0..<1.
  mutating func share() -> Double { Double(next() >> 11) / Double(1 << 53) }
  mutating func happens(_ probability: Double) -> Bool { share() < probability }
  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// The sum of four draws around `middle`: most come near it, none further off than `spread`.
  mutating func around(_ middle: Double, spread: Double) -> Double {
    middle + (share() + share() + share() + share() - 2) / 2 * spread
  }

  /// One of them, the first the most often: the n-th has the weight 1/n.
  mutating func popular<Element>(_ elements: [Element]) -> Element {
    let weights = (1...elements.count).map { 1 / Double($0) }
    return elements[index(weights)]
  }

  /// An index, by weight.
  mutating func index(_ weights: [Double]) -> Int {
    var rest = share() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return index }
    }
    return weights.count - 1
  }
}
