/// Taken before a fetch begins and given back when its answer is stored: where the key was removed on request in between, the answer is
/// older than the request and is not kept (reference invariant: nothing that started before an invalidation is stored after it).
package struct PurgeTicket: Sendable, Equatable {
  let purges: UInt64
}
