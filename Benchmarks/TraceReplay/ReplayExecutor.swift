import NIOConcurrencyHelpers

/// Runs every task of a replay on the one thread that calls `drain`, in the order in which their jobs became runnable: the same trace gives the
/// same numbers, whatever else the machine does.
final class ReplayExecutor: TaskExecutor {
  private let jobs = NIOLockedValueBox<[UnownedJob]>([])

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLockedValue { $0.append(job) }
  }

  /// Returns when no job can run before the clock moves.
  func drain() {
    while true {
      let runnable = jobs.withLockedValue { jobs in
        defer { jobs.removeAll(keepingCapacity: true) }
        return jobs
      }
      if runnable.isEmpty { return }
      for job in runnable { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
  }
}
