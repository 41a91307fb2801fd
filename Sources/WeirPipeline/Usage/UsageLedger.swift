internal import NIOConcurrencyHelpers
package import WeirCore

/// Counts what calls cost and saved, by month, tenant, upstream, provider and tool. Counting takes one lock and one look-up.
///
/// What was counted since it was last saved is apart from what is kept already, so that several processes can add to one file.
package final class UsageLedger: Sendable {
  private struct State {
    /// What is known to be kept elsewhere.
    var kept: UsageBook
    /// What is being saved.
    var leaving: UsageBook?
    /// What was counted since, before the running month.
    var earlier: UsageBook
    var running: RunningMonth
  }

  private let time: any TimeSource
  private let started: WallTime
  private let rowLimit: Int
  private let state: NIOLockedValueBox<State>

  /// - Parameter rowLimit: how many rows a month may have before tools share one.
  package init(time: any TimeSource = SystemTime(), rowLimit: Int = UsageBook.rowLimit) {
    self.time = time
    self.rowLimit = rowLimit
    started = time.wall()
    let empty = UsageBook(rowLimit: rowLimit)
    state = NIOLockedValueBox(State(kept: empty, earlier: empty, running: RunningMonth(started, since: started)))
  }

  // MARK: Counting

  /// A call was answered. `saving` is what the answer saved by the kind of its outcome; it is ignored for outcomes that save nothing.
  package func record(_ key: UsageKey, outcome: CallOutcome, saving: Saving = Saving()) {
    change(key) { tally in
      tally.count(outcome)
      if let kind = SavingKind(outcome) { tally.save(saving, by: kind) }
    }
  }

  /// Something was saved apart from the answer of a call, or by another kind than its outcome has: half of a call's buckets, for example.
  package func save(_ key: UsageKey, _ saving: Saving, by kind: SavingKind) {
    change(key) { $0.save(saving, by: kind) }
  }

  /// Requests left for the provider on this one's account.
  package func sent(_ key: UsageKey, requests: Int, cost: MicroUSD) {
    change(key) { $0.sent(requests: Int64(requests), cost: cost) }
  }

  private func change(_ key: UsageKey, _ body: (inout UsageTally) -> Void) {
    let now = time.wall()
    state.withLockedValue { state in
      if !state.running.contains(now) {
        state.earlier.add(state.running.usage, to: state.running.month)
        state.running = RunningMonth(now, since: started)
      }
      state.running.usage.change(key, limit: rowLimit, body)
    }
  }

  // MARK: Reading

  /// What was counted for a month; nil where nothing was. The running month is always there.
  package func usage(of month: UsageMonth) -> MonthlyUsage? {
    let now = time.wall()
    if let found = everything.months[month] { return found }
    return month == UsageMonth(now) ? RunningMonth(now, since: started).usage : nil
  }

  /// The month that it is now.
  package var currentMonth: UsageMonth { UsageMonth(time.wall()) }

  /// Months for which something was counted, in order.
  package var months: [UsageMonth] { everything.months.keys.sorted() }

  private var everything: UsageBook {
    let (kept, leaving, earlier, running) = state.withLockedValue { ($0.kept, $0.leaving, $0.earlier, $0.running) }
    var book = kept
    if let leaving { book.add(leaving) }
    book.add(earlier)
    if !running.usage.rows.isEmpty { book.add(running.usage, to: running.month) }
    return book
  }

  // MARK: Keeping

  /// What is known to be kept elsewhere.
  package var kept: UsageBook { state.withLockedValue { $0.kept } }

  /// What was counted since it was last saved, set aside until `endSaving`; nil where that is nothing, or another saving is under way.
  package func beginSaving() -> UsageBook? {
    state.withLockedValue { state in
      guard state.leaving == nil else { return nil }
      if !state.running.usage.rows.isEmpty {
        state.earlier.add(state.running.usage, to: state.running.month)
        state.running.usage = MonthlyUsage(since: state.running.usage.since)
      }
      guard !state.earlier.isEmpty else { return nil }
      state.leaving = state.earlier
      state.earlier = UsageBook(rowLimit: rowLimit)
      return state.leaving
    }
  }

  /// - Parameter kept: all that is kept now, what was set aside included; nil where it could not be kept and is saved with the next.
  package func endSaving(kept: UsageBook?) {
    state.withLockedValue { state in
      let leaving = state.leaving
      state.leaving = nil
      if let kept {
        state.kept = kept
      } else if let leaving {
        let since = state.earlier
        state.earlier = leaving
        state.earlier.add(since)
      }
    }
  }
}
