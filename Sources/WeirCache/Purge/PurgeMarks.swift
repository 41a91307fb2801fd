internal import NIOConcurrencyHelpers
internal import Synchronization
package import WeirCore

/// The purges that this process knows of. An answer whose fetch began before a purge of one of its scopes is no answer any more, wherever it
/// lies: nothing has to be found and removed. While no purge is younger than an answer, asking costs two loads.
package final class PurgeMarks: Sendable {
  /// No answer is kept for longer, so that a mark can be forgotten once it is older.
  package static let horizon = Duration.seconds(366 * 86_400)
  /// After so long without a word of Redis, what lies there does not count.
  package static let patience = Duration.seconds(3)

  /// Whether other replicas purge, too: then what Redis has counts only while its marks are known.
  private let isMirror: Bool
  private let book = NIOLockedValueBox(PurgeBook())
  private let heard = Atomic<UInt64>(0)
  private let latest = Atomic<Int64>(0)

  package init(isMirror: Bool = false) {
    self.isMirror = isMirror
  }

  /// Whether an answer of this age is purged. From the return of `purge` on, every answer is whose fetch began before the call.
  package func covers(_ stamp: PurgeStamp, _ key: CacheKey, _ scopes: PurgeScopes) -> Bool {
    mayCover(stamp) && book.withLockedValue { $0.covers(stamp, key, scopes) }
  }

  /// Whether any purge is younger than an answer of this age.
  func mayCover(_ stamp: PurgeStamp) -> Bool {
    stamp.generation < heard.load(ordering: .acquiring) && stamp.asked < latest.load(ordering: .acquiring)
  }

  /// How many purges this process has heard of.
  package var generation: UInt64 { heard.load(ordering: .acquiring) }

  /// Of a fetch that begins now.
  package var stamp: PurgeStamp { book.withLockedValue { PurgeStamp(generation: $0.generation, asked: $0.clock) } }

  /// Purges these scopes in this process, at once.
  package func purge(_ scopes: [PurgeScope], now: Moment) { change { $0.purge(scopes, now: now) } }

  // MARK: With Redis

  /// Whether Redis has been heard of lately, or nobody else purges.
  package func isCurrent(at now: Moment) -> Bool {
    !isMirror || book.withLockedValue { $0.heardAt.map { now - $0 <= Self.patience } ?? false }
  }

  /// When Redis' marks were known last; nil where they never were.
  package var heardAt: Moment? { book.withLockedValue { $0.heardAt } }
  package var count: Int { book.withLockedValue { $0.marks.count } }
  /// Whether Redis has yet to confirm one.
  package func isPending(_ scopes: [PurgeScope]) -> Bool {
    book.withLockedValue { book in scopes.contains { book.marks[$0]?.pending != nil } }
  }
  /// Redis' clock at the last contact: every mark up to then is known here.
  package var clock: Int64 { book.withLockedValue { $0.clock } }
  /// Another one where Redis may have lost marks since.
  package var epoch: Int64 { book.withLockedValue { $0.epoch } }
  /// Redis' time of the latest purge of these scopes; 0 where it has confirmed none.
  package func time(of scopes: [PurgeScope]) -> Int64 {
    book.withLockedValue { book in scopes.compactMap { book.marks[$0]?.time }.max() ?? 0 }
  }
  /// How many Redis has yet to confirm.
  package var pendingCount: Int { book.withLockedValue { $0.question.pending.count } }
  /// What Redis is asked and told next.
  package var question: PurgeQuestion { book.withLockedValue { $0.question } }

  /// Takes in what Redis said.
  /// - Returns: what it has to be asked or told yet.
  package func take(_ answer: PurgeAnswer, to question: PurgeQuestion, now: Moment) -> PurgeQuestion? {
    change { $0.take(answer, to: question, now: now) }
  }

  private func change<Result>(_ body: (inout PurgeBook) -> Result) -> Result {
    book.withLockedValue { book in
      defer {
        // The time first: who sees the new generation alone would compare with an old time.
        latest.store(book.latest, ordering: .releasing)
        heard.store(book.generation, ordering: .releasing)
      }
      return body(&book)
    }
  }
}
