/// Runs what outlives the request that began it: the calls of clients whose answers come on a stream of their own, or that may be fetched later.
/// Everything ends with the front.
final class BackgroundWork: Sendable {
  typealias Job = @Sendable () async -> Void

  private let jobs: AsyncStream<Job>
  private let queue: AsyncStream<Job>.Continuation

  init() {
    (jobs, queue) = AsyncStream.makeStream()
  }

  /// False where the front has ended: the job is not run.
  func start(_ job: @escaping Job) -> Bool {
    if case .enqueued = queue.yield(job) { true } else { false }
  }

  /// Returns when the task is cancelled and every job has returned.
  func run() async {
    await withDiscardingTaskGroup { group in
      // Children of the front: a call that outlives its request does not outlive that.
      for await job in jobs { group.addTask { await job() } }
      queue.finish()
      group.cancelAll()
    }
  }
}
