/// What the memory store keeps: a value whose size is known without walking through it.
package protocol CachePayload: Sendable {
  /// The bytes it holds in memory, as far as they differ from one payload to the next.
  var byteCount: Int { get }
}

extension [UInt8]: CachePayload {
  package var byteCount: Int { count }
}
