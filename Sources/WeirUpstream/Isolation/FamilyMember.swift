import NIOConcurrencyHelpers
import WeirCore
import WeirJSON
import WeirMCP

/// One session or process of an upstream that some of its callers have for themselves, and how to end it.
final class FamilyMember: Sendable {
  let upstream: any Upstream
  /// Who calls now, where the session is lent to one call at a time.
  let seat: PeerSeat?
  private let over = Gate()
  private let isOver = NIOLockedValueBox(false)
  private let levels = NIOLockedValueBox(LevelWishes())
  private let lastRequest = NIOLockedValueBox(0)
  /// Opened when the upstream has been told a level.
  private let levelTold = Gate()

  init(_ upstream: any Upstream, seat: PeerSeat? = nil) {
    self.upstream = upstream
    self.seat = seat
  }

  func end() {
    isOver.withLockedValue { $0 = true }
    over.open()
  }

  /// Runs the upstream until `end`, or until cancelled.
  func run(_ time: any TimeSource) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.upstream.run() }
      while !Task.isCancelled, !isOver.withLockedValue({ $0 }) {
        _ = await over.wait(time, until: time.now() + .seconds(3600), isOpen: { self.isOver.withLockedValue { $0 } })
      }
      group.cancelAll()
    }
  }

  /// Sends a request of this caller, when the server of the handshake era knows from which level on somebody wants its log.
  func send(_ request: UpstreamRequest, of caller: UpstreamCaller, _ time: any TimeSource) async throws(CallError) -> JSONDocument {
    guard let level = LogLevel(json: caller.logLevel) else { return try await upstream.send(request) }
    // A session wants what it has said until it ends; what stands in a request alone is wanted for as long as that takes.
    let client = caller.session ?? (seat == nil ? requestName() : "seat")
    levels.withLockedValue { $0.wish(level, of: client) }
    defer { if caller.session == nil { forget(client) } }
    try await tellLevel(until: request.deadline, time)
    return try await upstream.send(request)
  }

  /// The session of a client has ended.
  func forget(_ session: Name) { levels.withLockedValue { $0.forget(session) } }

  private func requestName() -> Name {
    lastRequest.withLockedValue { number in
      number += 1
      return Name("request \(number)")
    }
  }

  private func tellLevel(until deadline: Moment, _ time: any TimeSource) async throws(CallError) {
    while true {
      switch levels.withLockedValue({ $0.next(session: upstream.openings) }) {
      case .done: return
      case .wait:
        guard await levelTold.wait(time, until: deadline, isOpen: { self.levels.withLockedValue { !$0.isTelling } }) else {
          throw Task.isCancelled ? ErrorText.cancelled(upstream.name) : ErrorText.timedOut(upstream.name)
        }
      case .tell(let level): try await tell(level, until: deadline)
      }
    }
  }

  private func tell(_ level: LogLevel, until deadline: Moment) async throws(CallError) {
    var answer = LevelWishes.Answer.none
    defer {
      levels.withLockedValue { $0.answered(level, answer, session: upstream.openings) }
      levelTold.open()
    }
    var params = JSONWriter()
    params.beginObject()
    params.member("level", level.rawValue)
    params.endObject()
    do {
      _ = try await upstream.send(UpstreamRequest(method: MCPMethod.setLevel, params: params.bytes, deadline: deadline, isRepeatable: true))
      answer = .taken
    } catch  where error.reason == .upstreamError {
      // It has no levels, or not this one, and says what it says.
      answer = error.upstreamCode == RPCErrorObject.methodNotFound ? .unknownMethod : .refused
    }
  }
}
