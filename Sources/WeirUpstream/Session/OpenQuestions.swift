import NIOConcurrencyHelpers
import WeirMCP

/// The questions of a server that clients are being asked: the server can take each back (MCP 2025-11-25, cancellation).
final class OpenQuestions: Sendable {
  /// One of them, from when it came.
  struct Question: Sendable {
    fileprivate let id: RPCID
    fileprivate let number: Int
    fileprivate let withdrawal: AsyncStream<Never>
  }

  private struct State {
    var lastNumber = 0
    var open: [RPCID: (number: Int, withdrawal: AsyncStream<Never>.Continuation)] = [:]
  }

  private let state = NIOLockedValueBox(State())

  /// A question came. To be followed by `ask` or `close`.
  func open(_ id: RPCID) -> Question {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    return state.withLockedValue { state in
      state.lastNumber += 1
      state.open[id] = (state.lastNumber, continuation)
      return Question(id: id, number: state.lastNumber, withdrawal: stream)
    }
  }

  /// It is not open any more.
  func close(_ question: Question) {
    state.withLockedValue { state in
      if state.open[question.id]?.number == question.number { state.open[question.id] = nil }
    }
  }

  /// Asks; nil where the server took the question back meanwhile, or before. The task that asks is cancelled then.
  func ask(_ question: Question, _ body: @escaping @Sendable () async -> [UInt8]) async -> [UInt8]? {
    defer { close(question) }
    return await withTaskGroup(of: [UInt8]?.self) { group in
      group.addTask { await body() }
      group.addTask {
        for await _ in question.withdrawal {}
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
  }

  /// The server took a question back; nothing where there is none.
  func withdraw(_ id: RPCID) { state.withLockedValue { $0.open[id]?.withdrawal }?.finish() }
}
