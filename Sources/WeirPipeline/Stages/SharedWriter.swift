package import WeirCache
internal import WeirCore
package import WeirMCP

/// Writes answers to the shared store behind the callers' backs: nobody waits for Redis to take what is in memory already. Bounded: where
/// Redis is too slow, the newest answers stay in memory alone and are counted.
package final class SharedWriter: Sendable {
  private struct Job: Sendable {
    let key: CacheKey
    let entry: CacheEntry<CallResult>
    let ticket: PurgeTicket
    let since: Moment
  }

  /// Answers that may wait to be written, and how many are written at once.
  private static let capacity = 1024
  private static let writers = 4

  private let cache: TieredStore<CallResult>
  private let jobs: AsyncStream<Job>
  private let queue: AsyncStream<Job>.Continuation
  private let dropped = Counter()

  package init(cache: TieredStore<CallResult>) {
    self.cache = cache
    (jobs, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.capacity))
  }

  /// Answers that were not written since too many waited, or since no more were taken.
  package var droppedCount: Int64 { dropped.current }

  func write(_ key: CacheKey, _ entry: CacheEntry<CallResult>, since ticket: PurgeTicket) {
    guard cache.hasSharedStore else { return }
    guard case .enqueued = queue.yield(Job(key: key, entry: entry, ticket: ticket, since: cache.now)) else { return dropped.add() }
  }

  /// Nothing more is taken; `run` ends when what waits is written.
  package func close() { queue.finish() }

  /// Writes until closed or cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      for await job in jobs {
        if running == Self.writers {
          await group.next()
          running -= 1
        }
        running += 1
        group.addTask { [cache] in await cache.share(job.key, job.entry, since: job.ticket, after: cache.now - job.since) }
      }
    }
  }
}
