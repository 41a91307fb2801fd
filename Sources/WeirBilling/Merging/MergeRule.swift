package import WeirCore
package import WeirJSON

/// How several calls of one operation are asked as one, and its answer is cut into theirs again. Only exact merges: what a member gets is what
/// it would have got by itself, every amount byte for byte. One file for each rule; a new provider is a new file.
package protocol MergeRule: Sendable {
  /// A call of the operation, typed and canonical.
  associatedtype Query: Sendable
  /// Several of them as one.
  associatedtype Merged: Sendable

  /// Whether these two could be asked as one, whatever their size. Symmetric.
  func canMerge(_ one: Query, _ other: Query) -> Bool
  /// All of them as one; nil where that would not be exact, cost more than asking each alone, or break the limits.
  func merge(_ queries: [Query], within limits: MergeLimits) -> Merged?
  /// The arguments of the one call, a JSON object.
  func arguments(of merged: Merged) -> [UInt8]
  /// The tool result that `member` would have got by itself; nil where this answer does not tell it, so that the member has to be asked alone.
  /// - Parameter result: the tool result of the merged call, without what differs on every call.
  func split(_ result: JSONValue, of merged: Merged, for member: Query) -> [UInt8]?
  /// The arguments of calls beside this one that somebody is likely to make, the likeliest first: their answers may come along with its own where
  /// that costs no more.
  func neighbours(of query: Query, on day: CivilDate) -> [[UInt8]]
  /// The provider gave no answer to such a call with others beside it: not again on that day.
  func refuseNeighbours(of query: Query, on day: CivilDate)
  /// Somebody asks this, and it is not known.
  func note(_ query: Query)
}

extension MergeRule {
  package func neighbours(of query: Query, on day: CivilDate) -> [[UInt8]] { [] }
  package func refuseNeighbours(of query: Query, on day: CivilDate) {}
  package func note(_ query: Query) {}
}

/// How large a merged call may become.
package struct MergeLimits: Sendable, Equatable {
  /// Calls in one.
  package var members: Int
  /// Values of the one filter leaf that is widened.
  package var values: Int
  /// Rows that the answer will hold at most, as far as that can be told: groups times buckets. More may be paged or cut by the provider.
  package var rows: Int

  package init(members: Int = 64, values: Int = 100, rows: Int = 5000) {
    self.members = members
    self.values = values
    self.rows = rows
  }
}
