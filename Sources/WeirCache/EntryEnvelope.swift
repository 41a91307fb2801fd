internal import Crypto
internal import WeirCore

/// How an entry is written to the shared store, so that whatever comes back can be told from the answer to this very question: it carries its
/// key, and a checksum over all of it. The checksum finds accidents, not an attacker who can write to the store; encryption finds both.
///
/// Numbers are big-endian; durations are milliseconds.
///
///     offset  0  "WEIR"                     40  storedAt, ms since 1970      72  upstream requests
///             4  version, 1 byte            48  freshFor                     80  length of the value
///             5  codec, 1 byte              56  staleFor                     88  least time on Redis' clock when its fetch began, µs
///             6  zero, 2 bytes              64  cost in micro-dollars        96  the value
///             8  key digest, 32 bytes
///
/// Codec 0: the value as it is, then 16 bytes, the SHA-256 over all before, truncated. Codec 1: a nonce of 12 bytes, the value encrypted with
/// AES-256-GCM, a tag of 16 bytes; what stands before the value is authenticated with it. Version 1 had no time at 88, and its value there.
package enum EntryEnvelope {
  static let magic = Array("WEIR".utf8)
  static let version: UInt8 = 2
  static let plain: UInt8 = 0
  static let encrypted: UInt8 = 1
  static let headerBytes = 96
  static let checksumBytes = 16

  /// What an envelope adds to its value, where that is not encrypted.
  package static let overhead = headerBytes + checksumBytes

  /// The entry in its envelope. Negative durations are written as zero.
  package static func encode(_ entry: CacheEntry<[UInt8]>, for key: CacheKey) -> [UInt8] {
    var bytes = header(of: entry, for: key, codec: plain)
    bytes += entry.value
    withChecksum(of: bytes[...]) { bytes += $0 }
    return bytes
  }

  /// The same, encrypted. Nil where that fails.
  package static func encode(_ entry: CacheEntry<[UInt8]>, for key: CacheKey, with cipher: EnvelopeCipher) -> [UInt8]? {
    let header = header(of: entry, for: key, codec: encrypted)
    return cipher.seal(entry.value, header: header).map { header + $0 }
  }

  private static func header(of entry: CacheEntry<[UInt8]>, for key: CacheKey, codec: UInt8) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(overhead + EnvelopeCipher.nonceBytes + entry.value.count)
    bytes += magic
    bytes += [version, codec, 0, 0]
    key.withWords { bytes += $0 }
    for number in [
      entry.storedAt.milliseconds, max(0, entry.freshFor.saturatedMilliseconds), max(0, entry.staleFor.saturatedMilliseconds),
      entry.cost.amount, Int64(max(0, entry.upstreamRequests)), Int64(entry.value.count), max(0, entry.stamp.asked),
    ] { withUnsafeBytes(of: number.bigEndian) { bytes += $0 } }
    return bytes
  }

  /// The entry in these bytes, where they are the envelope of this key.
  /// - Parameter cipher: where there is one, only what it encrypted is an entry.
  package static func decode(_ bytes: [UInt8], for key: CacheKey, cipher: EnvelopeCipher? = nil) throws(EnvelopeFailure) -> CacheEntry<[UInt8]> {
    guard bytes.starts(with: magic.prefix(bytes.count)) else { throw .corrupt }
    guard bytes.count > magic.count else { throw .truncated }
    let header = try headerLength(version: bytes[magic.count])
    guard bytes.count >= header else { throw .truncated }
    let codec = bytes[5]
    let (head, tail) = (header + (codec == encrypted ? EnvelopeCipher.nonceBytes : 0), checksumBytes)
    guard bytes.count >= head + tail else { throw .truncated }
    let length = number(in: bytes, at: 80)
    let present = Int64(bytes.count - head - tail)
    guard length >= 0, length <= present else { throw length < 0 ? .corrupt : .truncated }
    guard length == present else { throw .corrupt }
    let value: [UInt8]
    switch codec {
    case plain where cipher == nil: value = try unsealed(bytes, from: header)
    case plain: throw .unencrypted
    case encrypted where header == headerBytes:
      guard key.withWords({ $0.elementsEqual(bytes[8..<40]) }) else { throw .wrongKey }
      guard let opened = cipher?.open(bytes[header...], header: bytes[..<header]) else { throw .undecipherable }
      value = opened
    default: throw .unknownCodec
    }
    guard key.withWords({ $0.elementsEqual(bytes[8..<40]) }) else { throw .wrongKey }
    guard bytes[6] == 0, bytes[7] == 0 else { throw .corrupt }
    return try entry(of: bytes, value, header: header)
  }

  private static func headerLength(version: UInt8) throws(EnvelopeFailure) -> Int {
    switch version {
    case 1: 88
    case Self.version: headerBytes
    default: throw .unknownVersion
    }
  }

  /// The value of an envelope whose checksum is right.
  private static func unsealed(_ bytes: [UInt8], from header: Int) throws(EnvelopeFailure) -> [UInt8] {
    let end = bytes.count - checksumBytes
    guard withChecksum(of: bytes[..<end], { $0.elementsEqual(bytes[end...]) }) else { throw .corrupt }
    return Array(bytes[header..<end])
  }

  private static func entry(of bytes: [UInt8], _ value: [UInt8], header: Int) throws(EnvelopeFailure) -> CacheEntry<[UInt8]> {
    let (fresh, stale, requests) = (number(in: bytes, at: 48), number(in: bytes, at: 56), number(in: bytes, at: 72))
    let asked = header == headerBytes ? number(in: bytes, at: 88) : 0
    guard fresh >= 0, stale >= 0, asked >= 0, let requests = Int(exactly: requests), requests >= 0 else { throw .corrupt }
    var entry = CacheEntry(
      value: value, storedAt: WallTime(milliseconds: number(in: bytes, at: 40)), freshFor: .milliseconds(fresh),
      staleFor: .milliseconds(stale), cost: MicroUSD(number(in: bytes, at: 64)), upstreamRequests: requests)
    entry.stamp = PurgeStamp(asked: asked)
    return entry
  }

  private static func number(in bytes: [UInt8], at offset: Int) -> Int64 {
    bytes[offset..<offset + 8].reduce(0) { $0 << 8 | Int64($1) }
  }

  static func withChecksum<Result>(of bytes: ArraySlice<UInt8>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return hash.finalize().withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0.prefix(checksumBytes))) }
  }
}
