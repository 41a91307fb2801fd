/// How much a document may ask of the process before it is refused.
package struct JSONLimits: Sendable, Equatable {
  /// The longest document in bytes; never more than 2³¹ − 1, whatever stands here.
  package var maxBytes: Int
  /// How deep arrays and objects may nest (`[[]]` is 2); never more than 1,000, whatever stands here, since readers of a document recurse.
  package var maxDepth: Int
  /// How many values a document may hold, containers counted with what is in them, member names not.
  package var maxMembers: Int

  package init(maxBytes: Int = 4 * 1024 * 1024, maxDepth: Int = 64, maxMembers: Int = 100_000) {
    self.maxBytes = maxBytes
    self.maxDepth = maxDepth
    self.maxMembers = maxMembers
  }

  /// For bytes that an earlier scan accepted: only the fixed bounds of the scanner hold.
  package static let trusted = JSONLimits(maxBytes: .max, maxDepth: .max, maxMembers: .max)
}
