import Logging
import NIOConcurrencyHelpers
import WeirCore
import WeirHTTPClient
import WeirMCP

/// HTTP+SSE (MCP 2024-11-05): one event stream carries all that the server says, and what is said to it is posted where the stream tells.
extension HTTPUpstream {
  /// Opens a stream, the session on it, and stays until that is given up or the task cancelled. Says how long that was.
  func liveOnStream(endpointBy: Moment, until deadline: Moment) async throws(ConnectFailure) -> Duration {
    let channel = EventChannel(url: exchange.configuration.url, time: time)
    return try await withTaskGroup(of: Void.self) { group -> Result<Duration, ConnectFailure> in
      group.addTask { await self.hear(channel) }
      defer { group.cancelAll() }
      do throws(ConnectFailure) {
        return .success(await stay(in: try await open(channel, endpointBy: endpointBy, until: deadline)))
      } catch {
        return .failure(error)
      }
    }.get()
  }

  private func open(_ channel: EventChannel, endpointBy: Moment, until deadline: Moment) async throws(ConnectFailure) -> HTTPSession {
    do throws(HTTPRefusal) {
      try await channel.opened(until: endpointBy)
    } catch {
      shared.withLockedValue { $0.known = nil }
      throw error.status == 200 ? ConnectFailure("its answer to GET is no event stream") : ConnectFailure(error)
    }
    return install(try await initialize(over: channel, until: deadline))
  }

  /// Stays with a session until its stream has ended, or is silent and answers nothing; gives it up then.
  func attend(_ channel: EventChannel, _ session: HTTPSession) async {
    let silence = exchange.configuration.maxSilence
    while !Task.isCancelled {
      let pieces = channel.pieces
      if await channel.ended(until: time.now() + silence) {
        return giveUp(session, because: "its event stream ended", isRenewing: true)
      }
      guard !Task.isCancelled, channel.pieces == pieces else { continue }
      if await !knows(session, until: time.now() + silence) { return giveUp(session, because: "its event stream is dead", isRenewing: true) }
    }
  }

  /// Reads a stream to its end.
  private func hear(_ channel: EventChannel) async {
    do throws(HTTPRefusal) {
      try await read(try await exchange.listen(in: nil).body, channel)
      channel.end(.cutOff)
    } catch {
      channel.end(error)
    }
  }

  private func read(_ body: HTTPBody, _ channel: EventChannel) async throws(HTTPRefusal) {
    var parser = ServerSentEventParser(maxEventBytes: exchange.maxMessageBytes)
    var filter = StreamFilter(peer: nil)
    let session = HTTPSession(unopened: channel)
    let iterator = body.makeAsyncIterator()
    while let piece = try await exchange.next(iterator) {
      channel.noteLife()
      let events: [ServerSentEvent]
      do { events = try parser.feed(piece) } catch { throw .invalid("\(error)") }
      for event in events { try take(event, channel, session, &filter) }
    }
  }

  private func take(
    _ event: ServerSentEvent, _ channel: EventChannel, _ session: HTTPSession, _ filter: inout StreamFilter
  ) throws(HTTPRefusal) {
    if event.event == "endpoint" { return try channel.named(event.data) }
    guard event.event == nil || event.event == "message", !event.data.isEmpty else { return }
    switch channel.receive(IncomingMessage(reading: event.data, maxBytes: exchange.maxMessageBytes, redactor: exchange.redactor)) {
    case .other(.notification(MCPMethod.progress, let params?)): channel.progressed(params)
    case .other(let message):
      // Whose call it is about is not said. Where callers share the session it may be about a call that somebody else has given up, and is for
      // nobody.
      filter.peer = configuration.home.map { WaitingPeers(home: $0, calls: channel.peers) }
      heard(message, in: session, &filter)
    case .unknown: shared.withLockedValue { $0.stats.unknownResponses += 1 }
    case .invalid: shared.withLockedValue { $0.stats.invalidMessages += 1 }
    case .fatal(let refusal): throw refusal
    case .answer, .ignored: break
    }
  }
}
