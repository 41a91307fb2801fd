import NIOConcurrencyHelpers
import NIOHTTP1
import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline

/// The synchronous heart of the front: from a whole request to an answer, or to what has to be waited for. Called on event loops and in tasks.
final class FrontCore: Sendable {
  let configuration: FrontConfiguration
  let gateway: any Gateway
  let hooks: FrontHooks
  let time: any TimeSource
  let table: ConnectionTable
  let sessions: Sessions
  let listeners: Listeners
  let background = BackgroundWork()
  let parked: ParkedCalls
  let rules: AccessRules
  let mcp: MCPEndpoint
  let fleet: FrontFleet?
  private let draining = NIOLockedValueBox(false)
  private let leaving = NIOLockedValueBox(false)
  private let openStreams = NIOLockedValueBox<[ObjectIdentifier: (stream: NotificationStream, since: Moment)]>([:])
  /// Those that run, which no session and no connection has.
  private let parkedCalls = NIOLockedValueBox<[ObjectIdentifier: ParkedCall]>([:])

  /// Answers of other replicas that are waited for or passed on.
  private let carried = NIOLockedValueBox<[ObjectIdentifier: (departure: Departure, isOpenEnded: Bool)]>([:])

  init(configuration: FrontConfiguration, gateway: any Gateway, hooks: FrontHooks, fleet: FrontFleet?, time: any TimeSource) {
    self.fleet = fleet
    self.configuration = configuration
    self.gateway = gateway
    self.hooks = hooks
    self.time = time
    let table = ConnectionTable(limits: configuration.limits)
    let sessions = Sessions(limits: configuration.limits, time: time, fleet: fleet) { [gateway] in
      gateway.unwatch(nil, for: $0)
      hooks.onSessionEnd?($0)
    }
    let listeners = Listeners(limits: configuration.limits)
    self.listeners = listeners
    parked = ParkedCalls(limits: configuration.limits, replica: fleet?.replica)
    self.table = table
    self.sessions = sessions
    rules = AccessRules(configuration)
    mcp = MCPEndpoint(
      configuration: configuration, gateway: gateway, sessions: sessions, listeners: listeners, parked: parked, table: table,
      fleet: fleet, time: time)
  }

  var isDraining: Bool { draining.withLockedValue { $0 } }

  /// The front still takes requests, but tells everybody to go elsewhere.
  var isLeaving: Bool { leaving.withLockedValue { $0 } }

  func beginLeaving() {
    leaving.withLockedValue { $0 = true }
    table.tellToLeave()
  }

  /// No call gets more time.
  func endCalls() {
    table.endCalls()
    sessions.endCalls()
    endCarried(openEndedOnly: false)
    for call in parkedCalls.withLockedValue({ Array($0.values) }) { call.departure.fire(.drained) }
  }

  func beginDraining() { draining.withLockedValue { $0 = true } }

  /// An answer of another replica is passed on until this is told that the front drains; one that has an end may take as long as calls may.
  func carries(_ departure: Departure, isOpenEnded: Bool) {
    carried.withLockedValue { $0[ObjectIdentifier(departure)] = (departure, isOpenEnded) }
    if isDraining, isOpenEnded { departure.fire(.drained) }
  }

  func forget(_ departure: Departure) { carried.withLockedValue { $0[ObjectIdentifier(departure)] = nil } }

  func endCarried(openEndedOnly: Bool) {
    for (departure, isOpenEnded) in carried.withLockedValue({ Array($0.values) }) where isOpenEnded || !openEndedOnly { departure.fire(.drained) }
  }

  /// Runs a call that outlives its request. `onEnd` is given the answer; nil where nobody wants one any more. False where the front has ended:
  /// nothing is called then.
  func run(_ call: WaitingCall, push: @escaping @Sendable ([UInt8]) -> Bool, onEnd: @escaping @Sendable (ReplyBody?) -> Void) -> Bool {
    background.start { [self] in
      let reply = await ProgressRelay(core: self, token: { call.progressToken }, push: push).reply(of: call) ?? MCPEndpoint.drained(call)
      onEnd(reply.map { mcp.message($0, id: call.id, era: call.era, label: call.label) })
    }
  }

  /// An event stream that a client leaves open is written from now on.
  func opened(_ stream: NotificationStream) {
    table.count { $0.streams += 1 }
    openStreams.withLockedValue { $0[ObjectIdentifier(stream)] = (stream, time.now()) }
  }

  func closed(_ stream: NotificationStream) {
    table.count { $0.streams -= 1 }
    openStreams.withLockedValue { _ = $0.removeValue(forKey: ObjectIdentifier(stream)) }
  }

  /// Keeps open streams alive through proxies, and ends those that are old.
  func keepStreams() {
    let now = time.now()
    let comment = ServerSentEventWriter.comment("keep-alive")
    for (stream, since) in openStreams.withLockedValue({ Array($0.values) }) {
      if stream.mayEnd, now - since >= configuration.limits.maxStreamAge { stream.end() } else { stream.mailbox.push(comment) }
    }
  }

  /// Once the front drains, a stream ends: at once, or with its last call where the answers come on it (HTTP+SSE).
  func endIfDrained(_ stream: NotificationStream) {
    if isDraining, stream.mayEnd || sessions.callCount(in: stream.session) == 0 { stream.end() }
  }

  /// Runs a call that its upstream may want to ask something of; its client waits for the news of `parked`. False where the front has ended.
  func run(_ call: WaitingCall, as parked: ParkedCall) -> Bool {
    background.start { [self] in
      parkedCalls.withLockedValue { $0[ObjectIdentifier(parked)] = parked }
      defer { parkedCalls.withLockedValue { $0[ObjectIdentifier(parked)] = nil } }
      let relay = ProgressRelay(core: self, token: { parked.token }, push: { parked.push($0) }, parked: parked)
      parked.finish(await relay.reply(of: call) ?? MCPEndpoint.drained(call))
    }
  }

  /// The message that tells a client the news of its call; nil where it wants none any more.
  func message(_ news: ParkedCall.News, _ visit: Visit) -> ReplyBody? {
    switch news {
    case .reply(let reply): return reply.map { mcp.message($0, id: visit.id, era: .modern, label: visit.label) }
    case .questions(let requests):
      if let state = parked.park(visit.call, now: time.now()) { return mcp.inputRequired(requests, state: state, id: visit.id) }
      visit.call.departure.fire(.disconnected)
      let error = CallError(.overloaded, "too many calls wait for answers of their clients", retryAfter: .seconds(5))
      return mcp.message(CallReply(body: .failure(error), outcome: .error), id: visit.id, era: .modern, label: visit.label)
    }
  }

  /// Called once per answer, when it begins.
  func answered(_ label: StaticString, status: Int) {
    table.count { $0.requests += 1 }
    hooks.onRequest?(label, status)
  }

  /// Routes a request by its path, literally: no dot segments, no percent-encoding.
  func answer(_ request: ReceivedRequest) -> Answer {
    switch request.path {
    case "/mcp": return mcpAnswer(request, .aggregate, .streamableHTTP)
    case "/sse": return mcpAnswer(request, .aggregate, .sse)
    case "/healthz": return .reply(health(request) { .text(200, "ok", label: "healthz") })
    case "/readyz": return .reply(health(request) { readiness() })
    case "/metrics" where request.listener == .admin || configuration.adminAddress == nil:
      // Beyond this machine, who scrapes asks by whatever name or address found Weir.
      if isLocal(request), let refusal = refusal(request) { return .reply(refusal) }
      return .reply(health(request) { Reply(200, .metrics, hooks.metrics(), label: "metrics") })
    default:
      if let action = action(request) { return answer(action, to: request) }
      if let page = page(request) { return .reply(refusal(request) ?? health(request) { reply(page, request) }) }
      if let name = Self.upstream(in: request.path, under: "/mcp/") { return mcpAnswer(request, .upstream(name), .streamableHTTP) }
      if let name = Self.upstream(in: request.path, under: "/sse/") { return mcpAnswer(request, .upstream(name), .sse) }
      return .reply(.text(404, "nothing is here; MCP is spoken at /mcp and /mcp/<upstream>", label: "unknown"))
    }
  }

  private func page(_ request: ReceivedRequest) -> FrontHooks.Page? {
    guard request.listener == .admin || configuration.adminAddress == nil else { return nil }
    return hooks.pages.first { $0.path.utf8.elementsEqual(request.path.utf8) }
  }

  private func reply(_ page: FrontHooks.Page, _ request: ReceivedRequest) -> Reply {
    let (status, json) = page.answer(String(request.query))
    return Reply(status, .json, json, label: page.label)
  }

  /// The operator's name of an upstream: `[a-z0-9-]`.
  private static func upstream(in path: Substring, under prefix: StaticString) -> Name? {
    guard prefix.withUTF8Buffer({ path.utf8.starts(with: $0) }) else { return nil }
    let name = path.utf8.dropFirst(prefix.utf8CodeUnitCount)
    guard !name.isEmpty, name.count <= 64 else { return nil }
    guard name.allSatisfy({ $0 &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == UInt8(ascii: "-") }) else { return nil }
    return Name(String(Substring(name)))
  }

  private func mcpAnswer(_ request: ReceivedRequest, _ endpoint: Endpoint, _ carrier: MCPEndpoint.Carrier) -> Answer {
    guard request.listener == .main else { return .reply(.text(404, "MCP is spoken at the main address", label: "unknown")) }
    var request = request
    if fleet != nil, request.fields.forwarded != nil {
      // The replica that brings it, which has to prove that it is one, has looked at host and origin.
      request.isForwarded = true
      return mcp.answer(request, at: endpoint, by: carrier)
    }
    if let refusal = refusal(request) { return .reply(refusal) }
    guard let origin = request.fields.origin, rules.shares(with: origin) else { return mcp.answer(request, at: endpoint, by: carrier) }
    if request.method == .OPTIONS, request.fields.corsMethod != nil { return .reply(CORS.preflight(origin, headers: request.fields.corsHeaders)) }
    return mcp.answer(request, at: endpoint, by: carrier).adding(CORS.fields(origin))
  }

  /// For a request that names a host which is not served here, or comes from a web page that may not ask.
  private func refusal(_ request: ReceivedRequest) -> Reply? {
    guard rules.allows(host: request.fields.host) else {
      table.refused(.host)
      return .text(421, "this host name is not served here; add it to the allowed hosts or set the public URL", label: "refused")
    }
    guard let origin = request.fields.origin, !rules.allows(origin: origin) else { return nil }
    table.refused(.origin)
    return .text(403, "this origin may not call; add it to the allowed origins", label: "refused")
  }

  /// Whether only this machine reaches the listener that the request came in at.
  private func isLocal(_ request: ReceivedRequest) -> Bool {
    (request.listener == .admin ? configuration.adminAddress ?? configuration.address : configuration.address).isLoopback
  }

  private func health(_ request: ReceivedRequest, _ make: () -> Reply) -> Reply {
    switch request.method {
    case .GET: return make()
    case .HEAD:
      var reply = make()
      reply.body = .whole([])
      return reply
    default: return .text(405, "use GET", headers: [("allow", "GET, HEAD")], label: "unknown")
    }
  }

  private func readiness() -> Reply {
    if isDraining || isLeaving { return Reply(503, .json, Array(#"{"status":"draining"}"#.utf8), label: "readyz") }
    let readiness = hooks.readiness()
    return Reply(readiness.isReady ? 200 : 503, .json, readiness.json, label: "readyz")
  }
}
