internal import Crypto
internal import WeirCore

/// How an entry is written to the shared store, so that whatever comes back can be told from the answer to this very question: it carries its
/// key, and a checksum over all of it. The checksum finds accidents, not an attacker who can write to the store.
///
/// Numbers are big-endian; durations are milliseconds.
///
///     offset  0  "WEIR"                     40  storedAt, ms since 1970      72  upstream requests
///             4  version, 1 byte            48  freshFor                     80  length of the value
///             5  codec, 1 byte, 0 = plain   56  staleFor                     88  the value
///             6  zero, 2 bytes              64  cost in micro-dollars        then 16 bytes: SHA-256 over all before, truncated
///             8  key digest, 32 bytes
package enum EntryEnvelope {
  static let magic = Array("WEIR".utf8)
  static let version: UInt8 = 1
  /// The value as it is. Other codecs have a number when they exist (docs/decisions/0005).
  static let plain: UInt8 = 0
  static let headerBytes = 88
  static let checksumBytes = 16

  /// What an envelope adds to its value.
  package static let overhead = headerBytes + checksumBytes

  /// The entry in its envelope. Negative durations are written as zero.
  package static func encode(_ entry: CacheEntry<[UInt8]>, for key: CacheKey) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(overhead + entry.value.count)
    bytes += magic
    bytes += [version, plain, 0, 0]
    key.withWords { bytes += $0 }
    for number in [
      entry.storedAt.milliseconds, max(0, entry.freshFor.saturatedMilliseconds), max(0, entry.staleFor.saturatedMilliseconds),
      entry.cost.amount, Int64(max(0, entry.upstreamRequests)), Int64(entry.value.count),
    ] { withUnsafeBytes(of: number.bigEndian) { bytes += $0 } }
    bytes += entry.value
    withChecksum(of: bytes[...]) { bytes += $0 }
    return bytes
  }

  /// The entry in these bytes, where they are the envelope of this key.
  package static func decode(_ bytes: [UInt8], for key: CacheKey) throws(EnvelopeFailure) -> CacheEntry<[UInt8]> {
    guard bytes.starts(with: magic.prefix(bytes.count)) else { throw .corrupt }
    guard bytes.count > magic.count else { throw .truncated }
    guard bytes[magic.count] == version else { throw .unknownVersion }
    guard bytes.count >= overhead else { throw .truncated }
    let length = number(in: bytes, at: 80)
    let present = Int64(bytes.count - overhead)
    guard length >= 0, length <= present else { throw length < 0 ? .corrupt : .truncated }
    guard length == present else { throw .corrupt }
    let end = bytes.count - checksumBytes
    guard withChecksum(of: bytes[..<end], { $0.elementsEqual(bytes[end...]) }) else { throw .corrupt }
    guard key.withWords({ $0.elementsEqual(bytes[8..<40]) }) else { throw .wrongKey }
    guard bytes[5] == plain else { throw .unknownCodec }
    guard bytes[6] == 0, bytes[7] == 0 else { throw .corrupt }
    return try entry(of: bytes, value: headerBytes..<end)
  }

  private static func entry(of bytes: [UInt8], value: Range<Int>) throws(EnvelopeFailure) -> CacheEntry<[UInt8]> {
    let (fresh, stale, requests) = (number(in: bytes, at: 48), number(in: bytes, at: 56), number(in: bytes, at: 72))
    guard fresh >= 0, stale >= 0, let requests = Int(exactly: requests), requests >= 0 else { throw .corrupt }
    return CacheEntry(
      value: Array(bytes[value]), storedAt: WallTime(milliseconds: number(in: bytes, at: 40)), freshFor: .milliseconds(fresh),
      staleFor: .milliseconds(stale), cost: MicroUSD(number(in: bytes, at: 64)), upstreamRequests: requests)
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
