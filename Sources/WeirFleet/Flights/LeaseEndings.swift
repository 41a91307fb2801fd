internal import NIOConcurrencyHelpers
internal import WeirCache

/// Ends of leases that are said behind the callers' backs, in any order. Bounded: what does not fit is dropped, and its lease ends by itself.
final class LeaseEndings: Sendable {
  struct Job: Sendable {
    let key: CacheKey
    let token: LeaseToken
    let end: LeaseEnd
  }

  /// False where it may not have been said.
  typealias Send = @Sendable (Job) async -> Bool

  private static let capacity = 4096
  private static let senders = 8

  private let jobs = NIOLockedValueBox<[Job]>([])
  private let bell = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  func add(_ job: Job) {
    jobs.withLockedValue { if $0.count < Self.capacity { $0.append(job) } }
    bell.continuation.yield()
  }

  /// Sends what comes until cancelled.
  func run(_ send: @escaping Send) async {
    for await _ in bell.stream { await drain(send) }
  }

  /// Sends what waits.
  func drain(_ send: @escaping Send) async {
    await withDiscardingTaskGroup { group in
      for _ in 0..<Self.senders {
        group.addTask {
          while !Task.isCancelled, let job = self.jobs.withLockedValue({ $0.popLast() }) {
            // What was interrupted is said again by who comes next; saying it twice changes nothing.
            if await !send(job), Task.isCancelled { self.add(job) }
          }
        }
      }
    }
  }
}
