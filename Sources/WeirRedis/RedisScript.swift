internal import NIOConcurrencyHelpers

/// A Lua script, known to the server by the digest that `SCRIPT LOAD` returns.
package struct RedisScript: Sendable, Hashable {
  package let source: [UInt8]

  package init(_ source: String) {
    self.source = Array(source.utf8)
  }
}

extension RedisClient {
  /// Runs a script: by its digest once that is known, with its source where the server has lost it (restart, failover, `SCRIPT FLUSH`). A
  /// script that the server does not know has not run, so the second attempt, of which there is one, does nothing twice.
  package func evaluate(
    _ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]], timeout: Duration? = nil
  ) async throws(RedisError) -> RedisReply {
    let operands = [Array(String(keys.count).utf8)] + keys + arguments
    if let digest = state.withLockedValue({ $0.scripts[script] }) {
      let reply = try await send([Array("EVALSHA".utf8), digest] + operands, timeout: timeout)
      guard reply.errorKind == "NOSCRIPT" else { return reply }
      return try await send([Array("EVAL".utf8), script.source] + operands, timeout: timeout)
    }
    let replies = try await pipeline(
      [[Array("SCRIPT".utf8), Array("LOAD".utf8), script.source], [Array("EVAL".utf8), script.source] + operands], timeout: timeout)
    guard replies.count == 2 else { throw RedisError(.protocolError, "two commands without two replies") }
    if case .bulk(let digest?) = replies[0] { state.withLockedValue { $0.scripts[script] = digest } }
    return replies[1]
  }
}
