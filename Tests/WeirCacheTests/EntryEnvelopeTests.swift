import Testing
import WeirCore

@testable import WeirCache

@Suite("Entry envelopes")
struct EntryEnvelopeTests {
  let key = CacheKey.numbered(1)
  let entry = CacheEntry.sample(#"{"content":[]}"#)
  var sealed: [UInt8] { EntryEnvelope.encode(entry, for: key) }

  /// A changed envelope whose checksum is right again: what a faulty writer would make, or a hostile one.
  func resealed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var body = Array(sealed.dropLast(EntryEnvelope.checksumBytes))
    change(&body)
    return EntryEnvelope.withChecksum(of: body[...]) { body + $0 }
  }

  static func put(_ number: Int64, at offset: Int, into bytes: inout [UInt8]) {
    for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: number >> (56 - 8 * index)) }
  }

  @Test("what goes in comes out", arguments: [0, 1, 1000, 100_000])
  func roundTrip(size: Int) throws {
    var random = SeededGenerator(seed: UInt64(size))
    var entry = entry
    entry.value = (0..<size).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let bytes = EntryEnvelope.encode(entry, for: key)
    #expect(bytes.count == size + EntryEnvelope.overhead)
    #expect(try EntryEnvelope.decode(bytes, for: key) == entry)
  }

  @Test("extreme numbers survive or are clamped")
  func extremes() throws {
    var entry = entry
    entry.storedAt = WallTime(milliseconds: .min)
    entry.cost = MicroUSD(.min)
    entry.upstreamRequests = .max
    entry.freshFor = .milliseconds(Int64.max)
    #expect(try EntryEnvelope.decode(EntryEnvelope.encode(entry, for: key), for: key) == entry)
    entry.freshFor = .seconds(-1)
    entry.upstreamRequests = -1
    let clamped = try EntryEnvelope.decode(EntryEnvelope.encode(entry, for: key), for: key)
    #expect(clamped.freshFor == .zero)
    #expect(clamped.upstreamRequests == 0)
  }

  @Test("the answer to another question is refused as such")
  func wrongKey() {
    #expect(throws: EnvelopeFailure.wrongKey) { try EntryEnvelope.decode(sealed, for: .numbered(2)) }
  }

  @Test("a key that differs in one bit anywhere is another key")
  func nearlyTheKey() {
    for bit in 0..<64 {
      for word in 0..<4 {
        let flip = UInt64(1) << UInt64(bit)
        let other = CacheKey(
          key.first ^ (word == 0 ? flip : 0), key.second ^ (word == 1 ? flip : 0), key.third ^ (word == 2 ? flip : 0),
          key.fourth ^ (word == 3 ? flip : 0))
        #expect(throws: EnvelopeFailure.wrongKey) { try EntryEnvelope.decode(sealed, for: other) }
      }
    }
  }

  @Test("cut at any byte it is truncated")
  func truncation() {
    for length in 0..<sealed.count {
      #expect(throws: EnvelopeFailure.truncated) { try EntryEnvelope.decode(Array(sealed.prefix(length)), for: key) }
    }
  }

  @Test("bytes too many make it corrupt")
  func trailing() {
    #expect(throws: EnvelopeFailure.corrupt) { try EntryEnvelope.decode(sealed + [0], for: key) }
  }

  @Test("any single flipped bit is found")
  func bitFlips() {
    for index in sealed.indices {
      for bit in 0..<8 {
        var bytes = sealed
        bytes[index] ^= 1 << UInt8(bit)
        #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(bytes, for: key) }
      }
    }
  }

  @Test("another version and another codec are told apart from damage")
  func futures() {
    #expect(throws: EnvelopeFailure.unknownVersion) { try EntryEnvelope.decode(resealed { $0[4] = 3 }, for: key) }
    #expect(throws: EnvelopeFailure.unknownCodec) { try EntryEnvelope.decode(resealed { $0[5] = 2 }, for: key) }
    #expect(throws: EnvelopeFailure.corrupt) { try EntryEnvelope.decode(resealed { $0[7] = 1 }, for: key) }
    #expect(throws: EnvelopeFailure.corrupt) { try EntryEnvelope.decode(Array("{\"json\":1}".utf8), for: key) }
  }

  @Test(
    "numbers that make no sense are refused under a right checksum",
    arguments: [
      (48, -1 as Int64, EnvelopeFailure.corrupt), (56, .min, .corrupt), (72, -1, .corrupt), (80, -1, .corrupt), (80, .min, .corrupt),
      (80, .max, .truncated), (80, 15, .truncated), (80, 0, .corrupt), (80, .max - 111, .truncated),
    ])
  func senselessNumbers(offset: Int, number: Int64, failure: EnvelopeFailure) {
    let bytes = resealed { Self.put(number, at: offset, into: &$0) }
    #expect(throws: failure) { try EntryEnvelope.decode(bytes, for: key) }
  }

  @Test("the largest durations decode and do not overflow a lifetime")
  func largestDurations() throws {
    let bytes = resealed {
      Self.put(.max, at: 48, into: &$0)
      Self.put(.max, at: 56, into: &$0)
    }
    let entry = try EntryEnvelope.decode(bytes, for: key)
    let lifespan = Lifespan(asked: .seconds(5), remaining: .seconds(Int64.max), freshFor: entry.freshFor, staleFor: entry.staleFor)
    #expect(lifespan.isAlive(at: .seconds(5)))
    #expect(Lifespan(from: .seconds(5), freshFor: entry.freshFor, staleFor: entry.staleFor).isFresh(at: .seconds(6)))
  }

  @Test("20,000 times random damage, with and without a repaired checksum: never another value under this key")
  func fuzz() throws {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<20_000 {
      let repaired = Bool.random(using: &random)
      let edits = Int.random(in: 1...6, using: &random)
      func damage(_ bytes: inout [UInt8]) {
        for _ in 0..<edits {
          switch Int.random(in: 0..<4, using: &random) {
          case 0 where !bytes.isEmpty: bytes.remove(at: Int.random(in: 0..<bytes.count, using: &random))
          case 1: bytes.insert(.random(in: .min ... .max, using: &random), at: Int.random(in: 0...bytes.count, using: &random))
          case 2 where !bytes.isEmpty: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
          default:
            if !bytes.isEmpty { bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random) }
          }
        }
      }
      var bytes = sealed
      if repaired { bytes = resealed(damage) } else { damage(&bytes) }
      guard let decoded = try? EntryEnvelope.decode(bytes, for: key) else { continue }
      // Only a repaired checksum may get through, and then with a header that still makes sense.
      #expect(repaired || bytes == sealed)
      #expect(decoded.freshFor >= .zero && decoded.staleFor >= .zero && decoded.value.count == bytes.count - EntryEnvelope.overhead)
    }
  }

  @Test("random bytes are never an entry")
  func noise() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<5000 {
      let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(bytes, for: key) }
      #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(Array(sealed.prefix(8)) + bytes, for: key) }
    }
  }
}
