/// One command with its arguments, which are bytes, or a run of a script.
package struct RedisCommand: Sendable, Hashable {
  private enum Kind: Hashable {
    case words([[UInt8]])
    case script(RedisScript, operands: [[UInt8]])
  }

  private let kind: Kind

  /// Name and arguments, such as `["GET", key]`.
  package init(words: [[UInt8]]) {
    kind = .words(words)
  }

  /// Such as `RedisCommand("SET", key, value)`.
  package init(_ name: String, _ arguments: [UInt8]...) {
    kind = .words([Array(name.utf8)] + arguments)
  }

  /// A run of a script, by its digest, and with its source where the server has lost it. In a cluster all keys lie in one slot.
  package init(_ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]]) {
    kind = .script(script, operands: [Array(String(keys.count).utf8)] + keys + arguments)
  }

  /// What is sent first.
  var words: [[UInt8]] {
    switch kind {
    case .words(let words): words
    case .script(let script, let operands): [Array("EVALSHA".utf8), script.digest] + operands
    }
  }

  /// What is sent to a server that does not know the script.
  var wordsWithSource: [[UInt8]] {
    switch kind {
    case .words(let words): words
    case .script(let script, let operands): [Array("EVAL".utf8), script.source] + operands
    }
  }

  /// What keeps a script at a server for longer than its run does (Redis 7.4 evicts those that came by EVAL); nil where it is none.
  var load: [[UInt8]]? {
    guard case .script(let script, _) = kind else { return nil }
    return [Array("SCRIPT".utf8), Array("LOAD".utf8), script.source]
  }
}
