import WeirJSON
import WeirMCP

/// A request of a modern client that waits for a call which may be parked.
struct Visit: Sendable {
  let call: ParkedCall
  /// `inputResponses` of the request.
  var answers: JSONValue?
  let id: RPCID
  let token: [UInt8]?
  /// What the request is called in metrics.
  let label: StaticString
}

/// What the synchronous part of the front makes of a request.
struct Answer: Sendable {
  enum Kind: Sendable {
    case reply(Reply)
    /// A tool call that has to be waited for.
    case waiting(WaitingCall)
    /// An event stream for notifications (`GET`).
    case stream(NotificationStream)
    /// A tool call whose answer goes to the stream of its session; the request itself is only accepted (HTTP+SSE).
    case elsewhere(WaitingCall, NotificationStream)
    /// A client waits for a call that it was asked something about.
    case resumed(Visit)
    /// The answers to a JSON-RPC batch: replies and calls that are waited for.
    case batch([Answer])
    /// Something that an operator has asked for.
    case action(FrontHooks.Action, body: [UInt8])
    /// Another replica answers.
    case forwarded(Forward)
  }

  var kind: Kind
  /// Further fields of the answer's head; names in lower case.
  var headers: [(name: String, value: String)] = []

  static func reply(_ reply: Reply) -> Answer { Answer(kind: .reply(reply)) }
  static func waiting(_ call: WaitingCall) -> Answer { Answer(kind: .waiting(call)) }
  static func stream(_ stream: NotificationStream) -> Answer { Answer(kind: .stream(stream)) }

  /// Gives up what nobody came to wait for.
  func abandon() async {
    switch kind {
    case .reply, .action, .forwarded: break
    case .resumed(let visit): visit.call.departure.fire(.disconnected)
    case .waiting(let call), .elsewhere(let call, _): await call.abandon()
    case .stream(let stream): stream.close()
    case .batch(let answers): for answer in answers { await answer.abandon() }
    }
  }

  /// The same as an event stream, where it is there already and went well.
  var asEvents: Answer {
    guard case .reply(var reply) = kind, reply.status == 200, reply.content == .json else { return self }
    (reply.content, reply.body) = (.events, reply.body.event)
    return Answer(kind: .reply(reply), headers: headers)
  }

  /// The same answer with these fields added to its head.
  func adding(_ further: [(name: String, value: String)]) -> Answer {
    if case .reply(var reply) = kind {
      reply.headers += further
      return .reply(reply)
    }
    return Answer(kind: kind, headers: headers + further)
  }
}
