import Logging
import NIOConcurrencyHelpers
package import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

/// What a server has to say unasked: the stream of `GET` in the handshake era, `subscriptions/listen` after it.
extension HTTPUpstream {
  package func watch(_ uris: Set<Name>) {
    shared.withLockedValue { state in
      guard state.watched != uris else { return }
      state.watched = uris
      state.watchVersion += 1
    }
    watchesMoved.open()
  }

  /// Listens where the server offers a stream for that; comes back after it ends, and where other resources are to be watched.
  func listen(_ session: HTTPSession) async {
    if let channel = session.channel { return await attend(channel, session) }
    var backoff = Backoff(.seconds(1) ... .seconds(30))
    var wasOpen = false
    var wasLost = false
    while !Task.isCancelled {
      let version = watchVersion
      do throws(HTTPRefusal) {
        let response = try await openStream(session)
        // What was said while nobody listened is lost.
        if wasOpen { missed(resourcesToo: wasLost) }
        (wasOpen, wasLost) = (true, false)
        if await read(response.body, session, while: version) { backoff.reset() }
      } catch {
        if let status = error.status, (200..<500).contains(status), status != 408, status != 429 {
          if status == 404, session.id != nil, wasOpen { giveUp(session, because: "it forgot the session", isRenewing: true) }
          guard session.info.era == .modern else { return }
          await untilWatchesMove(from: version)
        }
      }
      // Other resources are asked for at once.
      if session.info.era == .modern, watchVersion != version { continue }
      wasLost = true
      try? await time.sleep(until: time.now() + backoff.next(random: .random(in: 0..<1)))
    }
  }

  /// What was said while nobody listened is lost: lists and watched resources may be others (MCP 2026-07-28, subscriptions: no replay).
  /// - Parameter resourcesToo: not where the stream was only asked for anew, for other resources.
  func missed(resourcesToo: Bool) {
    keeper.changed([])
    guard resourcesToo else { return }
    for uri in shared.withLockedValue({ $0.watched }) { reporter.updated(uri) }
  }

  private var watchVersion: Int { shared.withLockedValue { $0.watchVersion } }

  private func untilWatchesMove(from version: Int) async {
    while !Task.isCancelled, watchVersion == version {
      _ = await watchesMoved.wait(time, until: time.now() + .seconds(3600), isOpen: { self.watchVersion != version })
    }
  }

  private func openStream(_ session: HTTPSession) async throws(HTTPRefusal) -> HTTPResponse {
    guard session.info.era == .modern else { return try await exchange.listen(in: session) }
    let uris = shared.withLockedValue { $0.watched }
    return try await exchange.listen(envelope.listen(id: nextID(), features: session.info.features, uris: uris))
  }

  /// Reads until the stream ends, or, in the modern era, other resources are to be watched. True where anything was heard.
  private func read(_ body: HTTPBody, _ session: HTTPSession, while version: Int) async -> Bool {
    guard session.info.era == .modern else { return await read(body, session) }
    return await withTaskGroup(of: Bool?.self) { group in
      group.addTask { await self.read(body, session) }
      group.addTask {
        await self.untilWatchesMove(from: version)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? true
    }
  }

  /// Tells a server of the handshake era which resources are watched, and which no more.
  func keepSubscribed(_ session: HTTPSession) async {
    var subscribed: Set<Name> = []
    while !Task.isCancelled {
      let (wanted, version) = shared.withLockedValue { ($0.watched, $0.watchVersion) }
      for uri in wanted.subtracting(subscribed) { await say(MCPMethod.resourcesSubscribe, uri, session) }
      for uri in subscribed.subtracting(wanted) { await say(MCPMethod.resourcesUnsubscribe, uri, session) }
      subscribed = wanted
      await untilWatchesMove(from: version)
    }
  }

  private func say(_ method: String, _ uri: Name, _ session: HTTPSession) async {
    let id = nextID()
    let message = HTTPExchange.Message(body: envelope.subscription(id: id, method, uri: uri), id: id, method: method, isRepeatable: true)
    do throws(HTTPRefusal) {
      _ = try await exchange.post(message, in: session, era: .legacy, until: time.now() + .seconds(30))
    } catch {
      logger.warning("upstream did not take a subscription", metadata: ["method": "\(method)", "reason": "\(error.reason)"])
    }
  }

  /// True where anything was heard.
  private func read(_ body: HTTPBody, _ session: HTTPSession) async -> Bool {
    var parser = ServerSentEventParser(maxEventBytes: exchange.maxMessageBytes)
    var filter = StreamFilter(peer: configuration.home)
    let iterator = body.makeAsyncIterator()
    var hasHeard = false
    while let piece = try? await iterator.nextPiece(), let events = try? parser.feed(piece) {
      for event in events where !event.data.isEmpty {
        hasHeard = true
        guard case .message(let message) = IncomingMessage(reading: event.data, maxBytes: exchange.maxMessageBytes) else { continue }
        heard(message, in: session, &filter)
      }
    }
    return hasHeard
  }
}
