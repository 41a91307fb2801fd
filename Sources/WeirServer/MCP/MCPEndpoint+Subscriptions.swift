import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy

/// What clients want to hear of: `subscriptions/listen` in the modern era, `resources/subscribe` and `resources/unsubscribe` before it.
extension MCPEndpoint {
  func listen(_ asked: Asked, _ exchange: Exchange) throws(RPCErrorObject) -> Answer {
    guard let wanted = asked.params?["notifications"], wanted.kind == .object else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.notifications must be an object")
    }
    let features = gateway.features(at: exchange.endpoint, for: exchange.caller)
    let name = listeners.newID()
    let kinds = SubscriptionWire.kinds(wanted).intersection(features)
    // What cannot be watched is not acknowledged.
    let watched = gateway.watch(SubscriptionWire.uris(wanted), at: exchange.endpoint, by: exchange.caller, for: name)
    let mailbox = StreamMailbox(limit: configuration.limits.maxStreamBufferBytes)
    let listener = ListenStream(
      name: name, principal: exchange.caller.principal, id: asked.id, kinds: kinds, isConcerned: concern(of: exchange), mailbox: mailbox,
      serverInfo: serverInfo)
    guard listeners.open(listener) else {
      gateway.unwatch(nil, for: name)
      return .reply(error(503, asked.id, RPCErrorObject.internalError, "too many streams are open; close some"))
    }
    let acknowledgement = listener.event(MCPMethod.subscriptionsAcknowledged, SubscriptionWire.acknowledgement(kinds, watched))
    return .stream(
      NotificationStream(
        session: name, principal: exchange.caller.principal, mailbox: mailbox, opening: acknowledgement, closing: listener.closing,
        isConcerned: listener.isConcerned
      ) { [listeners, gateway] _ in
        listeners.close(listener)
        gateway.unwatch(nil, for: name)
      })
  }

  /// Which upstreams' lists this client sees.
  func concern(of exchange: Exchange) -> @Sendable (_ upstream: Name) -> Bool {
    { [gateway, endpoint = exchange.endpoint, caller = exchange.caller] upstream in
      switch endpoint {
      case .aggregate: gateway.offers(.upstream(upstream), to: caller)
      case .upstream(let own): own == upstream && gateway.offers(endpoint, to: caller)
      }
    }
  }

  /// `resources/subscribe` and `resources/unsubscribe` of a session; nil for another method.
  func subscription(_ asked: Asked, session: Name, _ exchange: Exchange) throws(RPCErrorObject) -> Answer? {
    let begins = ASCII.equals(asked.method, MCPMethod.resourcesSubscribe)
    guard begins || ASCII.equals(asked.method, MCPMethod.resourcesUnsubscribe),
      gateway.features(at: exchange.endpoint, for: exchange.caller).contains(.subscriptions)
    else { return nil }
    if let answer = handed(exchange, to: asked.owner, id: asked.id) { return answer }
    guard let bytes = asked.params?["uri"]?.stringBytes, let uri = Name(utf8: bytes) else {
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: "params.uri must be a string")
    }
    if !begins {
      gateway.unwatch(uri, for: session)
    } else if gateway.watch([uri], at: exchange.endpoint, by: exchange.caller, for: session).isEmpty {
      let line = "this resource cannot be watched: too many are already, or its URI is too long"
      throw RPCErrorObject(code: RPCErrorObject.invalidParams, message: line)
    }
    return .reply(result(asked.id, Array("{}".utf8), label: "resources/subscribe"))
  }
}
