internal import Dispatch
package import Logging
package import WeirCore
package import WeirPipeline

/// Keeps a ledger in a file: reads it at the start, and adds what was counted every minute and at the end.
package final class UsageKeeper: Sendable {
  private let ledger: UsageLedger
  private let file: UsageFile
  private let interval: Duration
  private let time: any TimeSource
  private let logger: Logger
  /// Waits for the disk, which must not hold one of the few threads that tasks run on.
  private let queue = DispatchQueue(label: "weir.usage")

  /// Reads the file, and writes it as it is to see that it can be.
  /// - Throws: where either can't be done; nothing has changed then.
  package init(
    _ ledger: UsageLedger, file: UsageFile, interval: Duration = .seconds(60), time: any TimeSource, logger: Logger
  ) throws(UsageFileError) {
    self.ledger = ledger
    self.file = file
    self.interval = interval
    self.time = time
    self.logger = logger
    ledger.endSaving(kept: try file.add(UsageBook(), known: UsageBook()))
  }

  /// Returns when the task is cancelled and everything is written, or can't be.
  package func run() async {
    var isFailing = false
    while !Task.isCancelled {
      try? await time.sleep(until: time.now() + interval)
      if let error = await save() {
        if !isFailing || Task.isCancelled { logger.error("usage can't be saved", metadata: ["reason": "\(error)", "kept": "in memory only"]) }
        isFailing = true
      } else if isFailing {
        isFailing = false
        logger.info("usage is saved again")
      }
    }
  }

  private func save() async -> UsageFileError? {
    guard let news = ledger.beginSaving() else { return nil }
    let known = ledger.kept
    let result = await withCheckedContinuation { continuation in
      queue.async { [file] in
        continuation.resume(returning: Result { () throws(UsageFileError) in try file.add(news, known: known) })
      }
    }
    switch result {
    case .success(let kept):
      ledger.endSaving(kept: kept)
      return nil
    case .failure(let error):
      ledger.endSaving(kept: nil)
      return error
    }
  }
}
