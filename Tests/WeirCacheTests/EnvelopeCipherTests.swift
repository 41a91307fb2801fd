import Crypto
import Testing
import WeirCore

@testable import WeirCache

@Suite("Encrypted envelopes")
struct EnvelopeCipherTests {
  private let key = CacheKey.numbered(1)
  private let cipher = EnvelopeCipher(key: SymmetricKey(data: Array(repeating: 1 as UInt8, count: 32)))
  private let other = EnvelopeCipher(key: SymmetricKey(data: Array(repeating: 2 as UInt8, count: 32)))

  private var entry: CacheEntry<[UInt8]> {
    var entry = CacheEntry.sample(#"{"content":[]}"#)
    entry.stamp = PurgeStamp(asked: 1_764_432_000_123_456)
    return entry
  }

  private func sealed() throws -> [UInt8] { try #require(EntryEnvelope.encode(entry, for: key, with: cipher)) }

  @Test("what goes in comes out, and cannot be read on the way", arguments: [0, 1, 1000, 100_000])
  func roundTrip(size: Int) throws {
    var entry = entry
    entry.value = Array(repeating: UInt8(ascii: "a"), count: size)
    let bytes = try #require(EntryEnvelope.encode(entry, for: key, with: cipher))
    #expect(bytes.count == size + EntryEnvelope.overhead + EnvelopeCipher.nonceBytes)
    #expect(try EntryEnvelope.decode(bytes, for: key, cipher: cipher) == entry)
    #expect(bytes[96...].filter { $0 == UInt8(ascii: "a") }.count <= size / 64 + 8)
    // The stale window is where scripts look for it.
    #expect(bytes[56..<64].reduce(0) { $0 << 8 | Int($1) } == 300_000)
  }

  @Test("no two envelopes of the same answer are alike")
  func nonces() throws {
    let first = try sealed()
    let second = try sealed()
    #expect(first[..<96] == second[..<96] && first[96..<108] != second[96..<108] && first[108...] != second[108...])
  }

  @Test("under another key, or none, it is no answer; an old key still opens it")
  func keys() throws {
    let bytes = try sealed()
    #expect(throws: EnvelopeFailure.undecipherable) { try EntryEnvelope.decode(bytes, for: key, cipher: other) }
    #expect(throws: EnvelopeFailure.undecipherable) { try EntryEnvelope.decode(bytes, for: key) }
    let rotated = EnvelopeCipher(
      key: SymmetricKey(data: Array(repeating: 2 as UInt8, count: 32)), old: [SymmetricKey(data: Array(repeating: 1 as UInt8, count: 32))])
    #expect(try EntryEnvelope.decode(bytes, for: key, cipher: rotated) == entry)
    let new = try #require(EntryEnvelope.encode(entry, for: key, with: rotated))
    #expect(try EntryEnvelope.decode(new, for: key, cipher: other) == entry)
  }

  @Test("moved to another key it is no answer, even if its header is changed to say that key")
  func moved() throws {
    var bytes = try sealed()
    #expect(throws: EnvelopeFailure.wrongKey) { try EntryEnvelope.decode(bytes, for: .numbered(2), cipher: cipher) }
    bytes.replaceSubrange(8..<40, with: CacheKey.numbered(2).bytes)
    #expect(throws: EnvelopeFailure.undecipherable) { try EntryEnvelope.decode(bytes, for: .numbered(2), cipher: cipher) }
  }

  @Test("a plain one is no answer where values are encrypted", arguments: [false, true])
  func downgrade(pretends: Bool) throws {
    var bytes = EntryEnvelope.encode(entry, for: key)
    #expect(throws: EnvelopeFailure.unencrypted) { try EntryEnvelope.decode(bytes, for: key, cipher: cipher) }
    if pretends { bytes[5] = EntryEnvelope.encrypted }
    #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(bytes, for: key, cipher: cipher) }
  }

  @Test("any flipped bit and any cut make it no answer")
  func damage() throws {
    let whole = try sealed()
    for index in whole.indices {
      for bit in 0..<8 {
        var bytes = whole
        bytes[index] ^= 1 << UInt8(bit)
        #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(bytes, for: key, cipher: cipher) }
      }
      #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(Array(whole[..<index]), for: key, cipher: cipher) }
    }
    #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(whole + [0], for: key, cipher: cipher) }
  }

  @Test("an envelope of version 1 is read, and is older than every purge; encrypted there was none")
  func versionOne() throws {
    var bytes = Array(EntryEnvelope.encode(entry, for: key).dropLast(EntryEnvelope.checksumBytes))
    bytes.removeSubrange(88..<96)
    bytes[4] = 1
    let old = EntryEnvelope.withChecksum(of: bytes[...]) { bytes + $0 }
    let decoded = try EntryEnvelope.decode(old, for: key)
    #expect(decoded.value == entry.value && decoded.stamp == .unknown)
    bytes[5] = EntryEnvelope.encrypted
    bytes += Array(repeating: 0, count: EnvelopeCipher.nonceBytes)
    let never = EntryEnvelope.withChecksum(of: bytes[...]) { bytes + $0 }
    #expect(throws: EnvelopeFailure.self) { try EntryEnvelope.decode(never, for: key, cipher: cipher) }
  }
}
