internal import WeirCache
internal import WeirJSON

/// What an operator wants purged: `{"scopes":["tenant:growth"],"dryRun":false}`.
struct PurgeOrder: Sendable {
  /// Why it is none.
  struct Fault: Error {
    let message: String
  }

  static let mostScopes = 100
  private static let help =
    #"send {"scopes":[…]} with "all", "key:<64 hexadecimal digits>", "tool:<upstream>__<tool>", "upstream:<name>", "tenant:<name>" or "tag:<name>""#

  let scopes: [PurgeScope]
  /// Only check it.
  let isDry: Bool

  init(_ body: [UInt8]) throws(Fault) {
    guard let root = try? JSONDocument(parsing: body).root, root.kind == .object, let list = root["scopes"], list.kind == .array,
      root.members.allSatisfy({ $0.name.isString("scopes") || $0.name.isString("dryRun") })
    else { throw Fault(message: Self.help) }
    var scopes: [PurgeScope] = []
    for element in list.elements {
      guard let bytes = element.stringBytes, let scope = PurgeScope(bytes: bytes) else { throw Fault(message: Self.help) }
      if !scopes.contains(scope) { scopes.append(scope) }
    }
    guard (1...Self.mostScopes).contains(scopes.count) else { throw Fault(message: "name between 1 and \(Self.mostScopes) scopes") }
    self.scopes = scopes
    switch root["dryRun"]?.kind {
    case nil: isDry = false
    case .bool: isDry = root["dryRun"]?.bool ?? false
    default: throw Fault(message: "\"dryRun\" is true or false")
    }
  }
}
