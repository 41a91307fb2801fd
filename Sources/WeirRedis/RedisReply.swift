/// One RESP2 reply, copied out of hiredis (https://redis.io/docs/latest/develop/reference/protocol-spec/).
package enum RedisReply: Sendable, Hashable {
  /// `+OK`
  case simple(String)
  /// `-ERR …`: the server refused this one command. The first word is the kind, such as `NOSCRIPT` or `WRONGTYPE`.
  case error(String)
  /// `:1`
  case integer(Int64)
  /// `$3\r\nabc`, or nil for a null. hiredis tells a null array (`*-1`) from a null bulk string (`$-1`) no more than RESP3 does.
  case bulk([UInt8]?)
  /// `*2…`
  case array([RedisReply])

  /// The first word of an error reply, or nil where it is none.
  package var errorKind: Substring? {
    guard case .error(let text) = self else { return nil }
    return text.prefix { $0 != " " }
  }

  /// Why a server will not have a connection, which it says before it has been asked anything, and then closes it.
  var refusal: String? {
    guard case .error(let text) = self else { return nil }
    if text.hasPrefix("DENIED") {
      return "the server is in protected mode and takes connections from its own machine only: give it a password, or, in a closed network, "
        + "protected-mode no"
    }
    if text.hasPrefix("ERR max number of clients") { return "the server has as many clients as its maxclients allows" }
    return nil
  }

  /// True for a null of either form.
  package var isNull: Bool { self == .bulk(nil) }
}
