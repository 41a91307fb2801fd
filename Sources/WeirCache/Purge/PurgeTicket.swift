/// Taken before a fetch begins and given back when its answer is stored: where the key was removed or a scope of its was purged in between,
/// the answer is older than that and is not kept (reference invariant: nothing that started before an invalidation is stored after it).
package struct PurgeTicket: Sendable {
  /// How often something was removed from the key's shard.
  let removals: UInt64
  package let stamp: PurgeStamp
  let scopes: PurgeScopes

  /// The same for an answer that parts of this age are put into.
  package func aged(_ part: PurgeStamp) -> PurgeTicket {
    PurgeTicket(removals: removals, stamp: stamp.older(part), scopes: scopes)
  }
}
