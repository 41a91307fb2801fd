package import Crypto

/// Encrypts what lies in the shared store: AES-256 in GCM, under a key that all replicas have. What is authenticated beside it, the header of
/// the envelope, has the digest of the cache key in it, and that has the tenant: a value that is moved to another key opens nowhere.
package struct EnvelopeCipher: Sendable, Equatable {
  static let nonceBytes = 12
  static let tagBytes = 16

  private let first: SymmetricKey
  private let others: [SymmetricKey]

  /// - Parameters:
  ///   - key: 256 bits; encrypts.
  ///   - old: decrypt too, while values are there that they encrypted.
  package init(key: SymmetricKey, old: [SymmetricKey] = []) {
    first = key
    others = old
  }

  /// Nonce, encrypted value and tag.
  func seal(_ value: [UInt8], header: [UInt8]) -> [UInt8]? {
    guard let box = try? AES.GCM.seal(value, using: first, nonce: AES.GCM.Nonce(), authenticating: header), let bytes = box.combined else {
      return nil
    }
    return Array(bytes)
  }

  /// The value in what `seal` made; nil where it was made under another key, for another header, or was changed since.
  func open(_ sealed: ArraySlice<UInt8>, header: ArraySlice<UInt8>) -> [UInt8]? {
    guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
    for key in [first] + others {
      if let value = try? AES.GCM.open(box, using: key, authenticating: header) { return Array(value) }
    }
    return nil
  }
}
