/// What a connection says first, and whether the answers let it be used.
package struct RedisHandshake: Sendable {
  private enum Step { case authenticate, select, name, ping }

  private let steps: [(step: Step, command: [[UInt8]])]
  private let endpoint: RedisURL.Endpoint
  private let database: Int

  package init(_ configuration: RedisConfiguration) {
    let url = configuration.url
    var steps: [(Step, [String])] = []
    if let password = url.password { steps.append((.authenticate, ["AUTH"] + (url.user.map { [$0] } ?? []) + [password.reveal])) }
    if url.database != 0 { steps.append((.select, ["SELECT", String(url.database)])) }
    if let name = configuration.clientName { steps.append((.name, ["CLIENT", "SETNAME", name])) }
    steps.append((.ping, ["PING"]))
    self.steps = steps.map { (step: $0.0, command: $0.1.map { Array($0.utf8) }) }
    endpoint = url.endpoint
    database = url.database
  }

  package var commands: [[[UInt8]]] { steps.map(\.command) }

  /// - Throws: `authentication` where the password is refused or missing, `connectFailed` where the database is, or the server is not ready.
  package func check(_ replies: [RedisReply]) throws(RedisError) {
    for ((step, _), reply) in zip(steps, replies) {
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
      case (.ping, _):
        throw RedisError(.connectFailed, "\(endpoint) is not ready: \(text.prefix(100))")
      }
    }
  }
}
