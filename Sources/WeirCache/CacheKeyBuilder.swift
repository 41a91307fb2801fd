internal import Crypto
package import WeirCore

/// The one maker of cache keys: SHA-256 over fields that each carry their length before them, so that no choice of names and arguments can
/// look like another (design, decision 3; no delimiters, no escaping).
///
/// Everything but the arguments is hashed once. Whoever asks for many keys of one tool and one partition keeps the builder and pays only for
/// the arguments.
package struct CacheKeyBuilder: Sendable {
  /// Stands first in every key: a change of the fields or of the canonical form of arguments must change it.
  static let formatVersion: UInt8 = 1

  private let prefix: SHA256

  /// - Parameters:
  ///   - partition: whose answers these are; its class is part of the key too.
  ///   - upstream: the operator's name of the upstream.
  ///   - credential: names the credential the upstream is called with. Not the secret itself.
  ///   - definition: the digest of the tool's definition (`ToolDefinition.digest`).
  ///   - method: the MCP method, such as `tools/call`, the same in both eras.
  ///   - tool: the upstream's own name of the tool.
  package init(partition: Partition, upstream: Name, credential: Name, definition: [UInt8], method: String, tool: Name) {
    var fields: [UInt8] = []
    fields.reserveCapacity(256)
    Self.append([Self.formatVersion], to: &fields)
    Self.append([partition.sharingClass.rawValue], to: &fields)
    Self.append(partition.keyBytes, to: &fields)
    Self.append(upstream.utf8, to: &fields)
    Self.append(credential.utf8, to: &fields)
    Self.append(definition, to: &fields)
    Self.append(method.utf8, to: &fields)
    Self.append(tool.utf8, to: &fields)
    var hash = SHA256()
    fields.withUnsafeBytes { hash.update(bufferPointer: $0) }
    prefix = hash
  }

  /// The key of a call with these arguments, given in canonical form (`JSONValue.canonical`). The arguments are not copied.
  package func key(arguments: [UInt8]) -> CacheKey {
    var hash = prefix
    withUnsafeBytes(of: UInt64(arguments.count).bigEndian) { hash.update(bufferPointer: $0) }
    arguments.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return hash.finalize().withUnsafeBytes { digest in
      func word(_ index: Int) -> UInt64 { UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) }
      return CacheKey(word(0), word(1), word(2), word(3))
    }
  }

  private static func append(_ field: some Collection<UInt8>, to fields: inout [UInt8]) {
    withUnsafeBytes(of: UInt64(field.count).bigEndian) { fields.append(contentsOf: $0) }
    fields.append(contentsOf: field)
  }
}
