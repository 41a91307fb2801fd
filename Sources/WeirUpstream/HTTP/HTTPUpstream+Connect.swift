import Logging
import NIOConcurrencyHelpers
import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

extension HTTPUpstream {
  /// Why there is no session, and the server's own wish when to try again.
  private struct ConnectFailure: Error {
    var reason: String
    var retryAfter: Duration?

    init(_ reason: String, retryAfter: Duration? = nil) {
      self.reason = reason
      self.retryAfter = retryAfter
    }

    init(_ refusal: HTTPRefusal) { self.init(refusal.reason, retryAfter: refusal.retryAfter) }
  }

  /// Connects, watches, and connects again, until cancelled. A session that is lost soon after it was opened, and again, is waited for like one
  /// that cannot be opened.
  func keepConnected() async {
    var backoff = Backoff(configuration.retryDelays)
    var shortLives = 0
    while !Task.isCancelled {
      do throws(ConnectFailure) {
        let session = install(try await connect())
        let start = time.now()
        await watch(session)
        shortLives = time.now() - start < .seconds(10) ? shortLives + 1 : 0
        if shortLives == 0 { backoff.reset() }
        if shortLives > 1 { await pause(backoff.next(random: .random(in: 0..<1)), nil) }
      } catch {
        await pause(max(backoff.next(random: .random(in: 0..<1)), min(error.retryAfter ?? .zero, .seconds(300))), error.reason)
      }
    }
  }

  /// Waits before the next attempt, and says until when and why.
  private func pause(_ delay: Duration, _ reason: String?) async {
    if Task.isCancelled { return }
    let until = time.now() + delay
    shared.withLockedValue { state in
      if let reason {
        state.lastFailure = reason
        state.isRenewing = false
      }
      state.retryAt = until
      publish(state)
    }
    // Who waited for a renewed session waits no more.
    gate.open()
    try? await time.sleep(until: until)
  }

  /// Gives a session up: nobody uses it any more, and `keepConnected` makes another. Once per session, whoever notices first.
  func giveUp(_ session: HTTPSession, because reason: String, isRenewing: Bool = false) {
    let isFirst = shared.withLockedValue { state in
      guard state.session?.generation == session.generation else { return false }
      state.session = nil
      state.isRenewing = isRenewing
      state.lastFailure = reason
      state.retryAt = time.now()
      publish(state)
      return true
    }
    guard isFirst else { return }
    logger.info("upstream lost its session", metadata: ["reason": "\(reason)"])
    invalidated.open()
  }

  private func install(_ opened: HTTPSession) -> HTTPSession {
    let session = shared.withLockedValue { state in
      var session = opened
      state.generation += 1
      session.generation = state.generation
      state.session = session
      state.isRenewing = false
      state.lastFailure = nil
      state.retryAt = nil
      let until = session.info.era == .legacy ? time.now() + .seconds(86_400) : .distantFuture
      if state.knownEra?.era != session.info.era || (state.knownEra?.until ?? .zero) <= time.now() { state.knownEra = (session.info.era, until) }
      publish(state)
      return session
    }
    logger.debug("upstream opened a session", metadata: ["revision": "\(session.info.revision.rawValue)"])
    gate.open()
    keeper.sessionOpened()
    return session
  }

  /// Returns when the session is given up or the task cancelled.
  private func watch(_ session: HTTPSession) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.listen(session) }
      if session.info.era == .legacy { group.addTask { await self.keepSubscribed(session) } }
      let isOver = { @Sendable in self.shared.withLockedValue { $0.session?.generation != session.generation } }
      while !Task.isCancelled, !isOver() {
        _ = await invalidated.wait(time, until: time.now() + .seconds(3600), isOpen: isOver)
      }
      group.cancelAll()
    }
  }

  // MARK: Opening

  private func connect() async throws(ConnectFailure) -> HTTPSession {
    let deadline = time.now() + configuration.connectTimeout
    switch configuration.era {
    case .legacy: return try await initialize(until: deadline)
    case .modern: break
    case .auto:
      let known = shared.withLockedValue { $0.knownEra }
      if let known, known.era == .legacy, known.until > time.now() { return try await initialize(until: deadline) }
    }
    switch try await discover(until: deadline) {
    case .open(let info): return HTTPSession(info: info)
    case .refuse(let reason): throw ConnectFailure(reason)
    case .tryLegacy:
      guard configuration.era == .auto else {
        throw ConnectFailure("it does not speak \(ProtocolRevision.modern.rawValue), the only revision allowed by configuration")
      }
      return try await initialize(until: deadline)
    }
  }

  private func discover(until deadline: Moment) async throws(ConnectFailure) -> OpeningAnswer {
    let id = nextID()
    let message = HTTPExchange.Message(body: envelope.discover(id: id), id: id, method: MCPMethod.discover, isRepeatable: true)
    do throws(HTTPRefusal) {
      switch try await exchange.post(message, in: nil, era: .modern, until: deadline).answer {
      case .result(let result): return OpeningAnswer.discovered(result, exchange.redactor)
      case .failure(let error): return OpeningAnswer.discoverFailed(error)
      case .accepted: return .tryLegacy
      }
    } catch {
      guard let evidence = error.eraEvidence else { throw ConnectFailure(error) }
      return evidence
    }
  }

  private func initialize(until deadline: Moment) async throws(ConnectFailure) -> HTTPSession {
    do throws(HTTPRefusal) {
      let id = nextID()
      let opening = HTTPExchange.Message(
        body: envelope.initialize(id: id, capabilities: configuration.clientCapabilities), id: id, method: MCPMethod.initialize, isRepeatable: true)
      let (answer, headers) = try await exchange.post(opening, in: nil, era: .legacy, until: deadline)
      let session = try session(answer, headers.first("mcp-session-id"))
      let ready = HTTPExchange.Message(body: envelope.initialized(), id: nil, method: MCPMethod.initialized)
      _ = try await exchange.post(ready, in: session, era: .legacy, until: deadline)
      return session
    } catch {
      shared.withLockedValue { $0.knownEra = nil }
      if let status = error.status, [400, 404, 405].contains(status) {
        throw ConnectFailure("\(error.reason) to initialize: is the path right? Servers that speak only HTTP+SSE of 2024-11-05 are not supported")
      }
      throw ConnectFailure(error)
    }
  }

  private func session(_ answer: HTTPExchange.Answer, _ id: String?) throws(HTTPRefusal) -> HTTPSession {
    let opening: OpeningAnswer
    switch answer {
    case .result(let result): opening = OpeningAnswer.initialized(result, exchange.redactor)
    case .failure(let error): opening = OpeningAnswer.initializeFailed(error)
    case .accepted: throw .invalid("it took initialize for a notification")
    }
    guard case .open(let info) = opening else {
      if case .refuse(let reason) = opening { throw .invalid(reason) }
      throw .invalid("its answer to initialize makes no sense")
    }
    // Visible ASCII only (MCP 2025-11-25, session management): it becomes a header of every request.
    if let id, id.isEmpty || id.utf8.count > 4096 || !id.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
      throw .invalid("its session id is no visible ASCII")
    }
    return HTTPSession(info: info, id: id)
  }
}
