/// What a reply may cost. A server over a limit is treated as broken: its connection is closed.
package struct RESPLimits: Sendable, Hashable {
  /// Bytes on the wire of one reply, nested ones included. Default 16 MiB.
  package var maxReplyBytes: Int
  /// Elements of one array. Default 1,048,576.
  package var maxElements: Int
  /// Arrays inside arrays. Default 8, which is what hiredis 0.14 reads at most.
  package var maxDepth: Int

  package init(maxReplyBytes: Int = 16 << 20, maxElements: Int = 1 << 20, maxDepth: Int = 8) {
    self.maxReplyBytes = maxReplyBytes
    self.maxElements = maxElements
    self.maxDepth = maxDepth
  }
}
