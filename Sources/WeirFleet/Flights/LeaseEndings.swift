internal import NIOConcurrencyHelpers
internal import WeirCache
internal import WeirCore

/// Ends of leases that are said behind the callers' backs, in any order. Bounded: what does not fit is dropped, and its lease ends by itself.
final class LeaseEndings: Sendable {
  struct Job: Sendable {
    let key: CacheKey
    let token: LeaseToken
    let end: LeaseEnd
    /// When its lifetime began, by Redis' clock.
    let began: [UInt8]
    /// When the lease has ended by itself.
    let until: Moment
  }

  /// False where it may not have been said.
  typealias Send = @Sendable (Job) async -> Bool

  private static let capacity = 4096
  private static let senders = 8

  private struct State: Sendable {
    var jobs: [Job] = []
    var underWay = 0
  }

  private let state = NIOLockedValueBox(State())
  private let bell = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  func add(_ job: Job) {
    state.withLockedValue { if $0.jobs.count + $0.underWay < Self.capacity { $0.jobs.append(job) } }
    bell.continuation.yield()
  }

  /// Sends what comes, each by itself, until cancelled.
  func run(_ send: @escaping Send) async {
    await withDiscardingTaskGroup { group in
      for await _ in bell.stream {
        while let job = take() { group.addTask { await self.perform(job, send) } }
      }
    }
  }

  /// Sends what waits.
  func drain(_ send: @escaping Send) async {
    await withDiscardingTaskGroup { group in
      for _ in 0..<Self.senders {
        group.addTask {
          while !Task.isCancelled, let job = self.take() { await self.perform(job, send) }
        }
      }
    }
  }

  private func take() -> Job? {
    state.withLockedValue { state in
      guard let job = state.jobs.popLast() else { return nil }
      state.underWay += 1
      return job
    }
  }

  private func perform(_ job: Job, _ send: Send) async {
    let isSaid = await send(job)
    state.withLockedValue { $0.underWay -= 1 }
    // What was interrupted is said again by who comes next; saying it twice changes nothing.
    if !isSaid, Task.isCancelled { add(job) }
  }
}
