import WeirMCP

/// The answers that a message still waits for.
struct Awaited: Sendable {
  private(set) var ids: [RPCID]
  let isBatch: Bool
  private let session: String?
  private let problem: Problem

  /// - Parameter session: the header `Mcp-Session-Id` of the answer.
  init(_ message: ClientMessage, _ session: String?, _ problem: Problem) {
    self.init(ids: message.ids, isBatch: message.kind == .batch, session: session, problem: problem)
  }

  static func nothing(_ problem: Problem) -> Awaited { Awaited(ids: [], isBatch: false, session: nil, problem: problem) }

  private init(ids: [RPCID], isBatch: Bool, session: String?, problem: Problem) {
    self.ids = ids
    self.isBatch = isBatch
    self.session = session
    self.problem = problem
  }

  /// Passes on what is for the client.
  /// - Returns: what everything has come to; nil where more has to come.
  mutating func take(_ message: ServerMessage, _ pass: BridgeExchange.Pass) async -> BridgeMachine.Outcome? {
    switch message {
    case .answer(var answer):
      answer.session = session
      guard isBatch else { return .answered(answer) }
      ids.removeAll { $0 == answer.id }
      await pass(.answer(answer))
      return ids.isEmpty ? .accepted : nil
    case .said(let line), .asked(let line):
      await pass(.line(line))
      return nil
    case .stray: return nil
    case .unreadable(let reason): return ids.isEmpty ? nil : .failed(problem.invalid(reason))
    }
  }
}
