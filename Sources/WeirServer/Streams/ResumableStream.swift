import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// Bytes of past events that are kept, over all streams.
final class EventBudget: Sendable {
  private let limit: Int
  private let used = NIOLockedValueBox(0)

  init(limit: Int) {
    self.limit = limit
  }

  /// False where there is no room for more: nothing is counted then.
  @discardableResult
  func change(by bytes: Int) -> Bool {
    used.withLockedValue { used in
      guard bytes <= 0 || used + bytes <= limit else { return false }
      used += bytes
      return true
    }
  }
}

/// An event stream of a legacy session that outlives the connection which carries it: a client that lost that comes back with the id of the last
/// event it saw (MCP 2025-11-25, Streamable HTTP, resumability and redelivery).
final class ResumableStream: Sendable {
  private struct State {
    var log: EventLog
    var view: StreamMailbox?
    /// What ends the stream, which is kept until it has been written.
    var last: ReplyBody?
    var keptBytes = 0
    var finishedAt: Moment?
  }

  /// The number of the stream in its session, and the first part of the ids of its events.
  let number: Int
  private let state: NIOLockedValueBox<State>
  private let budget: EventBudget
  /// What a client that comes back is told in the place of an answer that was too large to be kept.
  private let lost: ReplyBody?

  /// The end of each id where replicas share sessions: which one has the stream.
  private let suffix: String

  init(number: Int, limit: Int, budget: EventBudget, lost: ReplyBody? = nil, replica: Name? = nil) {
    self.number = number
    suffix = replica.map { "-\($0)" } ?? ""
    self.budget = budget
    self.lost = lost
    state = NIOLockedValueBox(State(log: EventLog(limit: limit)))
  }

  deinit { budget.change(by: -state.withLockedValue { $0.log.bytes + $0.keptBytes }) }

  /// Since when nothing more comes; nil: something may.
  var finishedAt: Moment? { state.withLockedValue { $0.finishedAt } }

  /// Numbers an event, keeps it and gives it to whoever reads now. A reader that has no room for it is ended: its client comes back for what
  /// it missed. False where the stream has said all.
  func push(_ event: [UInt8]) -> Bool {
    state.withLockedValue { state in
      guard state.finishedAt == nil else { return false }
      let numbered = id(state.log.last + 1) + event
      if let view = state.view, !view.push(numbered) {
        view.finish()
        state.view = nil
      }
      let before = state.log.bytes
      state.log.append(numbered)
      if !budget.change(by: state.log.bytes - before) {
        state.log.forget()
        budget.change(by: -before)
      }
      return true
    }
  }

  /// Nothing more comes, but the answer.
  func finish(_ last: ReplyBody?, now: Moment) {
    state.withLockedValue { state in
      guard state.finishedAt == nil else { return }
      state.finishedAt = now
      state.view?.finish(last)
      // Large ones are shared by all who get them now, and kept for nobody.
      if case .shared = last { return state.last = lost }
      let isKept = budget.change(by: last?.count ?? 0)
      state.keptBytes = isKept ? last?.count ?? 0 : 0
      state.last = isKept ? last : lost
    }
  }

  /// From now on this reader gets what comes, after what came since the event of this number (nil: nothing of the past). One that read before is
  /// ended. Who begins may be given an id to come back with before anything has come: an event without data, which clients understand from
  /// 2025-11-25 on. False where the past is gone.
  func attach(_ view: StreamMailbox, after number: Int?, isPrimed: Bool = false) -> Bool {
    state.withLockedValue { state in
      if let number {
        guard let past = state.log.after(number) else { return false }
        if !past.isEmpty { view.answer(.whole(past)) }
      } else if isPrimed {
        view.answer(.whole(id(state.log.last) + Array("data: \n\n".utf8)))
      }
      state.view?.finish()
      state.view = view
      if state.finishedAt != nil { view.finish(state.last) }
      return true
    }
  }

  /// This reader is gone.
  func detach(_ view: StreamMailbox) {
    state.withLockedValue { if $0.view === view { $0.view = nil } }
  }

  private func id(_ event: Int) -> [UInt8] { Array("id: \(number)-\(event)\(suffix)\n".utf8) }

  /// The stream and the event of an id, and the replica that has them where it says so; nil for text that is none of ours.
  static func position(_ id: String) -> (stream: Int, event: Int, replica: Name?)? {
    let parts = id.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), let stream = Int(Substring(parts[0])), let event = Int(Substring(parts[1])), stream >= 0, event >= 0 else {
      return nil
    }
    guard parts.count == 3 else { return (stream, event, nil) }
    guard FrontFleet.isReplica(parts[2]), let replica = Name(utf8: parts[2]) else { return nil }
    return (stream, event, replica)
  }
}
