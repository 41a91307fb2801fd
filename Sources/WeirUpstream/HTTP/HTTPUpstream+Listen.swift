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
    var place = StreamPlace()
    var wasOpen = false
    var wasLost = false
    while !Task.isCancelled {
      let version = watchVersion
      var pause: Duration?
      do throws(HTTPRefusal) {
        let response = try await openStream(session, after: place)
        // What was said while nobody listened is lost, but where the server was told what came last.
        if wasOpen { missed(resourcesToo: wasLost && place.lastEventID == nil) }
        (wasOpen, wasLost) = (true, false)
        let (hasHeard, end) = await read(response.body, session, from: place, while: version)
        if hasHeard { backoff.reset() }
        (place, pause) = (end, end.pause)
      } catch {
        if place.lastEventID != nil, error.isFinal, error.status != 404 {
          place.forgetID()
        } else if error.isFinal {
          if error.status == 404, session.id != nil, wasOpen { giveUp(session, because: "it forgot the session", isRenewing: true) }
          guard session.info.era == .modern else { return }
          await untilWatchesMove(from: version)
        }
      }
      // Other resources are asked for at once.
      if session.info.era == .modern, watchVersion != version { continue }
      wasLost = true
      try? await time.sleep(until: time.now() + (pause ?? backoff.next(random: .random(in: 0..<1))))
    }
  }

  /// What was said while nobody listened is lost: lists and watched resources may be others (MCP 2026-07-28, subscriptions: no replay).
  /// - Parameter resourcesToo: not where the stream was only asked for anew, for other resources.
  func missed(resourcesToo: Bool) {
    keeper.listAgain(atOnce: false)
    guard resourcesToo else { return }
    for uri in shared.withLockedValue({ $0.watched }) { reporter.updated(uri) }
  }

  private var watchVersion: Int { shared.withLockedValue { $0.watchVersion } }

  private func untilWatchesMove(from version: Int) async {
    while !Task.isCancelled, watchVersion == version {
      _ = await watchesMoved.wait(time, until: time.now() + .seconds(3600), isOpen: { self.watchVersion != version })
    }
  }

  private func openStream(_ session: HTTPSession, after place: StreamPlace) async throws(HTTPRefusal) -> HTTPResponse {
    guard session.info.era == .modern else { return try await exchange.listen(in: session, after: place) }
    let uris = shared.withLockedValue { $0.watched }
    return try await exchange.listen(envelope.listen(id: nextID(), features: session.info.features, uris: uris))
  }

  private typealias Reading = (hasHeard: Bool, end: StreamPlace)

  /// Reads until the stream ends, or, in the modern era, other resources are to be watched. Says whether anything was heard, and where it was left.
  private func read(_ body: HTTPBody, _ session: HTTPSession, from place: StreamPlace, while version: Int) async -> Reading {
    guard session.info.era == .modern else { return await read(body, session, from: place) }
    return await withTaskGroup(of: Reading?.self) { group in
      group.addTask { await self.read(body, session, from: place) }
      group.addTask {
        await self.untilWatchesMove(from: version)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? (true, place)
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

  private func read(_ body: HTTPBody, _ session: HTTPSession, from start: StreamPlace) async -> Reading {
    var parser = ServerSentEventParser(maxEventBytes: exchange.maxMessageBytes)
    var filter = StreamFilter(peer: configuration.home)
    var place = start
    var hasHeard = false
    place.opened()
    let iterator = body.makeAsyncIterator()
    while let piece = try? await iterator.nextPiece(), let events = try? parser.feed(piece) {
      place.retries(after: parser.retry)
      for event in events {
        place.passed(event)
        guard !event.data.isEmpty else { continue }
        hasHeard = true
        guard case .message(let message) = IncomingMessage(reading: event.data, maxBytes: exchange.maxMessageBytes) else { continue }
        heard(message, in: session, &filter)
      }
    }
    return (hasHeard, place)
  }
}
