/// What a connection says first, and whether the answers let it be used.
package struct RedisHandshake: Sendable {
  private enum Step { case authenticate, select, name, role, ping }

  private let steps: [(step: Step, command: [[UInt8]])]
  private let endpoint: RedisEndpoint
  private let database: Int

  /// - Parameters:
  ///   - user: nil for `default`.
  ///   - database: 0 is not selected, since it is already.
  ///   - requiresPrimary: whether a replica is refused.
  package init(
    endpoint: RedisEndpoint, user: String? = nil, password: RedisPassword? = nil, database: Int = 0, clientName: String? = nil,
    requiresPrimary: Bool = false
  ) {
    var steps: [(step: Step, command: [[UInt8]])] = []
    if let password { steps.append((.authenticate, Self.authentication(user: user, password: password))) }
    if database != 0 { steps.append((.select, ["SELECT", String(database)].map { Array($0.utf8) })) }
    if let clientName { steps.append((.name, ["CLIENT", "SETNAME", clientName].map { Array($0.utf8) })) }
    if requiresPrimary { steps.append((.role, [Array("ROLE".utf8)])) }
    steps.append((.ping, [Array("PING".utf8)]))
    self.steps = steps
    self.endpoint = endpoint
    self.database = database
  }

  /// The command that says who one is.
  static func authentication(user: String?, password: RedisPassword) -> [[UInt8]] {
    (["AUTH"] + (user.map { [$0] } ?? []) + [password.reveal]).map { Array($0.utf8) }
  }

  package var commands: [[[UInt8]]] { steps.map(\.command) }

  /// - Throws: `authentication` where the password is refused or missing, `connectFailed` where the database is, or the server is not ready or
  ///   a replica where a primary is wanted.
  package func check(_ replies: [RedisReply]) throws(RedisError) {
    for ((step, _), reply) in zip(steps, replies) {
      if step == .role, case .array(let parts) = reply, case .bulk(let role?)? = parts.first, role != Array("master".utf8) {
        throw RedisError(.connectFailed, "\(endpoint) is no primary (any more)")
      }
      guard let kind = reply.errorKind, case .error(let text) = reply else { continue }
      switch (step, kind) {
      case (.authenticate, _):
        // Not the server's text: it is the one that has seen the password.
        throw RedisError(.authentication, "\(endpoint) refused the user or the password (\(kind.prefix(16))): check both, and the server's ACL")
      case (_, "NOAUTH"):
        throw RedisError(.authentication, "\(endpoint) wants a password and none is configured")
      case (.select, _):
        throw RedisError(.connectFailed, "\(endpoint) refused database \(database): \(text.prefix(100))")
      // An ACL user that may do no more than it needs is right to exist.
      case (_, "NOPERM"), (.name, _): continue
      case (.role, _), (.ping, _):
        throw RedisError(.connectFailed, "\(endpoint) is not ready: \(text.prefix(100))")
      }
    }
  }
}
