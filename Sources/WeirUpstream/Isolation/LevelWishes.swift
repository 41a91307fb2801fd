import WeirCore
import WeirMCP

/// From which level on the clients of one session of an upstream want to hear its log. The upstream is asked for the most verbose of them, once for
/// each change, and each client is given what it wants of that (MCP 2025-11-25, logging). Pure.
struct LevelWishes: Sendable {
  enum Step: Equatable {
    /// The session is as it should be, or cannot be made so.
    case done
    /// The upstream is to be told this; to be followed by `answered`.
    case tell(LogLevel)
    /// It is being told something. Ask again when that is over.
    case wait
  }

  private struct Told: Equatable {
    let level: LogLevel
    let session: Int
  }

  private var wishes: [Name: LogLevel] = [:]
  private var told: Told?
  private(set) var isTelling = false
  /// It knows no levels.
  private var isDeaf = false

  /// In place of what the same client wanted before.
  mutating func wish(_ level: LogLevel, of client: Name) { wishes[client] = level }

  /// The client is gone. What it alone wanted is wanted until something else is asked.
  mutating func forget(_ client: Name) { wishes[client] = nil }

  /// - Parameter session: counts the sessions that were opened with the upstream. A new one knows nothing of what the one before was told.
  mutating func next(session: Int) -> Step {
    guard !isDeaf, let level = wishes.values.min() else { return .done }
    if isTelling { return .wait }
    if told == Told(level: level, session: session) { return .done }
    isTelling = true
    return .tell(level)
  }

  enum Answer { case taken, refused, unknownMethod, none }

  /// What it was told has come to this. A refusal counts, too: it would refuse the same again.
  mutating func answered(_ level: LogLevel, _ answer: Answer, session: Int) {
    isTelling = false
    switch answer {
    case .taken, .refused: told = Told(level: level, session: session)
    case .unknownMethod: isDeaf = true
    case .none: break
    }
  }
}
