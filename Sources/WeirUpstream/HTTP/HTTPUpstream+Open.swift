import NIOConcurrencyHelpers
import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

/// How a session is opened.
extension HTTPUpstream {
  /// Opens a session in the way that worked before or, where none did, in every way that the configuration allows (MCP 2025-11-25, transports,
  /// backwards compatibility). Stays in it until it is given up or the task cancelled, and says how long that was.
  func live() async throws(ConnectFailure) -> Duration {
    let deadline = time.now() + configuration.connectTimeout
    let transport = exchange.configuration.transport
    let first = HTTPOpening.first(configuration.era, transport, known: shared.withLockedValue { $0.known }, now: time.now())
    if first == .stream { return try await liveOnStream(endpointBy: deadline, until: deadline) }
    let refused: ConnectFailure
    do throws(ConnectFailure) {
      return await stay(in: install(try await connect(first, until: deadline)))
    } catch {
      refused = error
    }
    guard refused.suggestsStream else { throw refused }
    guard transport == .auto else { throw ConnectFailure("\(refused.reason); is the path right?", retryAfter: refused.retryAfter) }
    do throws(ConnectFailure) {
      return try await liveOnStream(endpointBy: min(deadline, time.now() + configuration.probeTimeout), until: deadline)
    } catch {
      throw ConnectFailure(
        "\(refused.reason), and HTTP+SSE of 2024-11-05 fails, too: \(error.reason); is the path right?", retryAfter: error.retryAfter)
    }
  }

  private func connect(_ first: HTTPOpening, until deadline: Moment) async throws(ConnectFailure) -> HTTPSession {
    guard first == .discover else { return try await initialize(until: deadline) }
    switch try await discover(until: deadline) {
    case .open(let info): return HTTPSession(info: info)
    case .refuse(let reason): throw ConnectFailure(reason)
    case .tryLegacy:
      guard configuration.era != .modern else {
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

  /// The handshake; with a channel, on its stream.
  func initialize(over channel: EventChannel? = nil, until deadline: Moment) async throws(ConnectFailure) -> HTTPSession {
    do throws(HTTPRefusal) {
      let id = nextID()
      let opening = HTTPExchange.Message(
        body: envelope.initialize(id: id, capabilities: configuration.clientCapabilities), id: id, method: MCPMethod.initialize, isRepeatable: true)
      let (answer, headers) = try await exchange.post(
        opening, in: channel.map { HTTPSession(unopened: $0) }, era: .legacy, until: deadline)
      var session = try session(answer, headers.first("mcp-session-id"))
      session.channel = channel
      let ready = HTTPExchange.Message(body: envelope.initialized(), id: nil, method: MCPMethod.initialized)
      _ = try await exchange.post(ready, in: session, era: .legacy, until: deadline)
      return session
    } catch {
      shared.withLockedValue { $0.known = nil }
      throw channel == nil ? ConnectFailure(initialize: error) : ConnectFailure(error)
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
