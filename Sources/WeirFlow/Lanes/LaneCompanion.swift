/// What a request brings along that could leave together with others: they become one request at the provider, and its answer is cut into
/// theirs again. The lane knows nothing of what they ask.
package protocol LaneCompanion: Sendable {
  /// Asked once, when the request comes.
  var group: LaneGroup { get }
  /// A batch that holds this one alone. Called under the lane's lock: must not block.
  func batch() -> any LaneBatch
}
