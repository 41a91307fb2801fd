import WeirCore

@testable import WeirCache

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension CacheKey {
  /// A key for each number, spread as digests are.
  static func numbered(_ number: Int) -> CacheKey {
    let seed = SeededGenerator.mix(UInt64(number) &+ 1)
    return CacheKey(seed, SeededGenerator.mix(seed ^ 1), SeededGenerator.mix(seed ^ 2), SeededGenerator.mix(seed ^ 3))
  }
}

extension Lifespan {
  static let endless = Lifespan(bornAt: .zero, freshUntil: .distantFuture, staleUntil: .distantFuture)
}

extension Moment {
  static func seconds(_ seconds: Int64) -> Moment { Moment(nanoseconds: seconds * 1_000_000_000) }
}

extension CacheEntry where Value == [UInt8] {
  static func sample(_ text: String = "answer", freshFor: Duration = .seconds(600), staleFor: Duration = .seconds(300)) -> CacheEntry {
    CacheEntry(
      value: Array(text.utf8), storedAt: WallTime(milliseconds: 1_795_392_000_123), freshFor: freshFor, staleFor: staleFor,
      cost: MicroUSD(10_000), upstreamRequests: 3)
  }
}

// Most tests purge nothing: there are no scopes that could be.

extension TieredStore {
  func peek(_ key: CacheKey, now: Moment) -> MemoryHit<Payload>? { peek(key, of: .none, now: now) }
  func fetch(_ key: CacheKey, owner: Name?) async -> SharedLookup<Payload> { await fetch(key, of: .none, owner: owner) }
  func ticket(for key: CacheKey) -> PurgeTicket { ticket(for: key, of: .none) }
}

extension MemoryStore {
  func get(_ key: CacheKey, now: Moment) -> MemoryHit<Payload>? { get(key, of: .none, now: now) }
  func ticket(for key: CacheKey) -> PurgeTicket { ticket(for: key, of: .none) }
}
