internal import Crypto
internal import FoundationEssentials
internal import WeirCache

/// Reads `cache.encryption_key` and `cache.encryption_keys_old`.
enum CipherReader {
  private static let help = "a key of 32 bytes in base64, as `openssl rand -base64 32` makes it, such as ${file:/run/secrets/weir-cache}"

  static func read(_ map: SettingsMapping) throws(SettingsError) -> EnvelopeCipher? {
    let old = map["encryption_keys_old"]
    guard let node = map["encryption_key"] else {
      if let old { throw old.error("comes beside an \"encryption_key\", which encrypts; these only decrypt what is there") }
      return nil
    }
    if map["redis"] == nil { throw node.error("encrypts what is kept in Redis, and there is no \"redis\" here: leave it out, or add one") }
    let key = try key(node)
    var others: [SymmetricKey] = []
    for element in try old?.elements() ?? [] {
      let other = try self.key(element)
      if other == key { throw element.error("is the \"encryption_key\" itself: leave it out here") }
      others.append(other)
    }
    return EnvelopeCipher(key: key, old: others)
  }

  private static func key(_ node: SettingsNode) throws(SettingsError) -> SymmetricKey {
    try node.value(help, echo: false) { text in
      Data(base64Encoded: text).flatMap { $0.count == 32 ? SymmetricKey(data: $0) : nil }
    }
  }
}
