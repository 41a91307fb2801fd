internal import WeirFlow

/// Runs what may come and go while the process lives: upstreams, lanes.
final class Jobs: Sendable {
  /// One of them.
  final class Job: Sendable {
    private let stopping = OneShot<Void>()
    private let ending = OneShot<Void>()
    private let body: @Sendable () async -> Void

    fileprivate init(_ body: @escaping @Sendable () async -> Void) {
      self.body = body
    }

    /// Asks it to end; `ended` tells when it has.
    func stop() { stopping.give(()) }

    /// Returns when it has ended, or the task is cancelled. For one task, once.
    func ended() async { _ = await ending.value() }

    fileprivate func run() async {
      await withTaskGroup(of: Void.self) { group in
        // Both are awaited here.
        group.addTask { await self.body() }
        group.addTask { _ = await self.stopping.value() }
        // The first to end ends the other: one that is stopped ends in order.
        await group.next()
        group.cancelAll()
      }
      ending.give(())
    }
  }

  private let jobs: AsyncStream<Job>
  private let queue: AsyncStream<Job>.Continuation

  init() {
    (jobs, queue) = AsyncStream.makeStream()
  }

  /// Runs this from now on, or from when `run` is called, until the job is stopped or `run` is cancelled.
  func start(_ body: @escaping @Sendable () async -> Void) -> Job {
    let job = Job(body)
    queue.yield(job)
    return job
  }

  /// Returns when the task is cancelled and every job has ended.
  func run() async {
    await withDiscardingTaskGroup { group in
      // Children of `run`: none outlives it.
      for await job in jobs { group.addTask { await job.run() } }
      group.cancelAll()
    }
  }
}
