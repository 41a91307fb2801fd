internal import WeirCore
internal import WeirTenancy

/// What `weir keys new` does.
package enum KeysCommand {
  /// A new key, and the lines of configuration that let it in. The key itself is in no file; whoever gets it must keep it.
  /// - Throws: a text that says what is wrong with a name.
  package static func new(tenant: String, name: String) throws(CommandError) -> String {
    for text in [tenant, name] where !Identifier.isValid(text) {
      throw CommandError("\"\(text)\" is no name for a tenant or a key; use \(Identifier.help)")
    }
    let key = APIKey.generate()
    let digest = APIKey.digest(of: Array(key.reveal.utf8)).hex
    return """
      The key, shown this once; clients send it as "Authorization: Bearer …":

        \(key.reveal)

      For the configuration:

        tenants:
          \(tenant):
            api_keys:
              - { name: \(name), sha256: "\(digest)" }
            allow: ["*"]

      """
  }
}
