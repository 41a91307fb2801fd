internal import Crypto
package import WeirCore
internal import WeirMCP

/// Seals what Weir hands to a client and wants back unchanged and from nobody else: AES-GCM, with an end, bound to a purpose and to names such as
/// the principal and the upstream (MCP 2026-07-28, multi round-trip requests: `requestState` is to be taken for an attacker's).
package struct Sealer: Sendable {
  private let key: SymmetricKey

  /// Replicas that are given the same secret open each other's seals.
  package init(secret: [UInt8]) {
    key = SymmetricKey(data: SHA256.hash(data: Array("weir seal 1:".utf8) + secret))
  }

  /// A key of this process alone.
  package init() { key = SymmetricKey(size: .bits256) }

  /// Text of visible ASCII that `open` takes until then; nil where the system's cryptography fails.
  package func seal(_ payload: [UInt8], for purpose: String, of names: [Name], until end: WallTime) -> String? {
    var plain = withUnsafeBytes(of: UInt64(clamping: end.milliseconds).bigEndian) { Array($0) }
    plain += payload
    guard let box = try? AES.GCM.seal(plain, using: key, authenticating: Self.context(purpose, names)), let combined = box.combined else {
      return nil
    }
    return String(decoding: Base64.encode(combined), as: UTF8.self)
  }

  /// The same for what is to look the same each time, such as an id that clients compare, and that ends with what it names: the nonce is made
  /// of what is sealed (RFC 5297 has the idea), so that equal texts only tell that equal things were sealed.
  package func sealSteadily(_ payload: [UInt8], for purpose: String, of names: [Name]) -> String? {
    let context = Self.context(purpose, names)
    let plain = withUnsafeBytes(of: UInt64.max.bigEndian) { Array($0) } + payload
    let code = HMAC<SHA256>.authenticationCode(for: context + plain, using: key)
    guard let nonce = try? AES.GCM.Nonce(data: Array(code.prefix(12))),
      let box = try? AES.GCM.seal(plain, using: key, nonce: nonce, authenticating: context), let combined = box.combined
    else { return nil }
    return String(decoding: Base64.encode(combined), as: UTF8.self)
  }

  /// What was sealed; nil where it was not sealed here, for this and these, or its time is over.
  package func open(_ text: [UInt8], for purpose: String, of names: [Name], now: WallTime) -> [UInt8]? {
    guard let combined = Base64.decode(text), let box = try? AES.GCM.SealedBox(combined: combined),
      let plain = try? AES.GCM.open(box, using: key, authenticating: Self.context(purpose, names)), plain.count >= 8
    else { return nil }
    let end = plain.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard UInt64(clamping: now.milliseconds) < end else { return nil }
    return Array(plain.dropFirst(8))
  }

  /// A code of these fields that only who has the secret can make, and that says nothing of it.
  package func code(of fields: [[UInt8]], for purpose: String) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Self.joined([Array("code \(purpose)".utf8)] + fields), using: key))
  }

  /// Whether `code` made this; takes as long for every wrong one.
  package func isCode(_ code: [UInt8], of fields: [[UInt8]], for purpose: String) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Self.joined([Array("code \(purpose)".utf8)] + fields), using: key)
  }

  private static func context(_ purpose: String, _ names: [Name]) -> [UInt8] { joined([Array(purpose.utf8)] + names.map { Array($0.utf8) }) }

  /// Each field with its length before it.
  private static func joined(_ fields: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in fields {
      withUnsafeBytes(of: UInt64(field.count).bigEndian) { bytes.append(contentsOf: $0) }
      bytes += field
    }
    return bytes
  }
}
