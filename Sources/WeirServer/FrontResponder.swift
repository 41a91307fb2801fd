import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import WeirCore
import WeirFlow
import WeirMCP
import WeirPipeline

/// Serves what has to be waited for: tool calls in flight, event streams, and requests too large for the event loop.
struct FrontResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  let core: FrontCore

  func respond(to request: Request, context: Context) async throws -> Response {
    guard let connection = Connection.current, let work = connection.takeWork() else { return Response(status: .internalServerError) }
    let answer =
      switch work {
      case .request(let request): core.answer(request)
      case .answer(let answer): answer
      }
    var response: Response
    switch answer.kind {
    case .reply(let reply): response = self.response(reply)
    case .waiting(let call): response = await wait(for: call, on: connection)
    case .stream(let stream): response = notifications(stream, on: connection)
    case .elsewhere(let call, let stream): response = self.response(await accept(call, for: stream))
    case .resumed(let visit): response = news(of: visit, arrive(visit), on: connection)
    case .forwarded(let forward): response = await self.forward(forward, on: connection)
    case .batch(let answers): response = self.response(await core.mcp.reply(toBatch: answers))
    case .action(let action, let body):
      let (status, json) = await action.perform(body)
      response = self.response(Reply(status, .json, json, label: action.label))
    }
    for (name, value) in answer.headers {
      if let name = HTTPField.Name(name) { response.headers.append(HTTPField(name: name, value: value)) }
    }
    return response
  }

  func response(_ reply: Reply) -> Response {
    core.answered(reply.label, status: reply.status)
    var headers = HTTPFields()
    if let type = reply.content.type { headers[.contentType] = "\(type)" }
    headers[.cacheControl] = "no-store"
    for (name, value) in reply.headers {
      if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
    }
    if reply.status != 204 { headers[.contentLength] = String(reply.body.count) }
    return Response(status: .init(code: reply.status), headers: headers, body: body(reply.body))
  }

  private func body(_ body: ReplyBody) -> ResponseBody {
    switch body {
    case .whole(let bytes): ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
    case .shared(let answer):
      ResponseBody(contentLength: answer.count) { [answer] writer in
        var rest = answer
        while let part = rest.next() {
          try await writer.write(part)
          try await Connection.current?.writesAreSeen()
        }
        try await writer.finish(nil)
      }
    }
  }

  // MARK: Calls

  private func wait(for call: WaitingCall, on connection: Connection) async -> Response {
    if call.isStream { return await events(of: call, on: connection) }
    return response(await CallRunner.answer(call, on: connection, core: core) { $0 })
  }

  private func events(of call: WaitingCall, on connection: Connection) async -> Response {
    let mailbox = StreamMailbox(limit: core.configuration.limits.maxStreamBufferBytes)
    if let session = call.session, let response = resumable(call, in: session, mailbox) { return response }
    if let parked = call.parked {
      let visit = Visit(call: parked, id: call.id, token: call.progressToken, label: call.label)
      // Before the call begins, so that nothing it says is missed.
      let arrival = arrive(visit)
      guard core.run(call, as: parked) else { return response(await ending(call)) }
      return news(of: visit, arrival, on: connection)
    }
    core.answered(call.label, status: 200)
    connection.watch(call.departure)
    connection.serve(call)
    return response(
      EventStream(
        core: core, mailbox: mailbox,
        source: { [core] in
          let push: @Sendable ([UInt8]) -> Bool = { mailbox.push($0) }
          let relay = ProgressRelay(core: core, token: { call.progressToken }, push: push)
          let last = await relay.reply(of: call) ?? MCPEndpoint.drained(call)
          // A client that has left or cancelled gets nothing more.
          mailbox.finish(last.map { core.mcp.message($0, id: call.id, era: call.era, label: call.label).event })
        },
        onWriteFailure: { call.departure.fire(.disconnected) },
        onEnd: { connection.forgetDeparture() }))
  }

  private func arrive(_ visit: Visit) -> (mailbox: StreamMailbox, slot: OneShot<ParkedCall.News>) {
    let mailbox = StreamMailbox(limit: core.configuration.limits.maxStreamBufferBytes)
    return (mailbox, visit.call.visit(token: visit.token, answers: visit.answers) { mailbox.push($0) })
  }

  /// The news of a call that may be parked, as an event stream. Who leaves while it waits gives the call up; who was asked something may not
  /// come back for a while.
  private func news(of visit: Visit, _ arrival: (mailbox: StreamMailbox, slot: OneShot<ParkedCall.News>), on connection: Connection) -> Response {
    core.answered(visit.label, status: 200)
    let (mailbox, slot) = arrival
    let departure = visit.call.departure
    connection.watch(departure)
    return response(
      EventStream(
        core: core, mailbox: mailbox,
        source: { [core] in
          let last = await slot.value().flatMap { core.message($0, visit) }
          connection.forgetDeparture()
          mailbox.finish(last?.event)
        },
        onWriteFailure: { departure.fire(.disconnected) },
        onEnd: { connection.forgetDeparture() }))
  }

  /// The stream of a legacy call, which goes on where the connection is lost: leaving is a cancellation in the modern era only (M5, L5). Nil
  /// where the session or the front has ended.
  private func resumable(_ call: WaitingCall, in session: Name, _ mailbox: StreamMailbox) -> Response? {
    guard let stream = core.sessions.openCallStream(in: session, view: mailbox, lost: core.mcp.tooLate(id: call.id)) else { return nil }
    core.answered(call.label, status: 200)
    guard core.run(call, push: { stream.push($0) }, onEnd: { [core] in stream.finish($0?.event, now: core.time.now()) }) else { return nil }
    return response(
      EventStream(
        core: core, mailbox: mailbox, source: { _ = await Departure().wait() }, onWriteFailure: {},
        onEnd: { stream.detach(mailbox) }))
  }

  /// The request is only taken: its answer comes on the session's stream.
  private func accept(_ call: WaitingCall, for stream: NotificationStream) async -> Reply {
    let push: @Sendable ([UInt8]) -> Bool = { [core] in core.sessions.push($0, to: stream.session) }
    let isTaken = core.run(call, push: push) { [core] answer in
      if let answer { stream.mailbox.answer(answer.event) }
      core.endIfDrained(stream)
    }
    return isTaken ? Reply(202, label: call.label) : await ending(call)
  }

  /// The front has ended, and with it what would have run this call.
  private func ending(_ call: WaitingCall) async -> Reply {
    await call.abandon()
    return .text(503, "Weir is ending; try again in a few seconds", label: call.label)
  }

  // MARK: Notifications

  /// A stream whose request was too large for the event loop.
  private func notifications(_ notifications: NotificationStream, on connection: Connection) -> Response {
    core.answered("GET", status: 200)
    let departure = Departure()
    connection.watch(departure)
    connection.carry(notifications)
    if core.isDraining { core.endIfDrained(notifications) }
    return response(
      EventStream(
        core: core, mailbox: notifications.mailbox, opening: notifications.opening,
        source: { [core] in
          await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await departure.wait() }
            if notifications.mayEnd {
              group.addTask { try? await core.time.sleep(until: core.time.now() + core.configuration.limits.maxStreamAge) }
            }
            await group.next()
            group.cancelAll()
          }
          notifications.end()
        },
        onWriteFailure: { departure.fire(.disconnected) },
        onEnd: {
          connection.forgetDeparture()
          notifications.close()
        }))
  }

  private func response(_ stream: EventStream) -> Response {
    var headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
    if let name = HTTPField.Name("x-accel-buffering") { headers[name] = "no" }
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        try await stream.write(to: &writer)
        try await writer.finish(nil)
      })
  }
}
