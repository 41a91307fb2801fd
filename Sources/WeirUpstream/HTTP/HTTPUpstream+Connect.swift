import Logging
import NIOConcurrencyHelpers
import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

extension HTTPUpstream {
  /// Connects, watches, and connects again, until cancelled. A session that is lost soon after it was opened, and again, is waited for like one
  /// that cannot be opened.
  func keepConnected() async {
    var backoff = Backoff(configuration.retryDelays)
    var shortLives = 0
    while !Task.isCancelled {
      do throws(ConnectFailure) {
        shortLives = try await live() < .seconds(10) ? shortLives + 1 : 0
        if shortLives == 0 { backoff.reset() }
        let usesStream = shared.withLockedValue { $0.known?.usesStream == true }
        if shortLives > 1 { await pause(backoff.next(random: .random(in: 0..<1)), usesStream ? "its event streams end soon" : nil) }
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

  /// The session that has been opened is the one that calls are sent in.
  func install(_ opened: HTTPSession) -> HTTPSession {
    let (session, watched) = shared.withLockedValue { state in
      var session = opened
      state.generation += 1
      session.generation = state.generation
      state.session = session
      state.isRenewing = false
      state.lastFailure = nil
      state.retryAt = nil
      let (era, usesStream) = (session.info.era, session.channel != nil)
      let until = era == .legacy ? time.now() + .seconds(86_400) : .distantFuture
      if state.known?.era != era || state.known?.usesStream != usesStream || (state.known?.until ?? .zero) <= time.now() {
        state.known = HTTPOpening.Known(era: era, usesStream: usesStream, until: until)
      }
      publish(state)
      return (session, state.watched)
    }
    logger.debug("upstream opened a session", metadata: ["revision": "\(session.info.revision.rawValue)"])
    if session.generation > 1 { reporter.renewed(watching: watched) }
    gate.open()
    keeper.sessionOpened()
    return session
  }

  /// Stays with a session until it is given up or the task cancelled. Says how long that was.
  func stay(in session: HTTPSession) async -> Duration {
    let start = time.now()
    await watch(session)
    return time.now() - start
  }

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
}
