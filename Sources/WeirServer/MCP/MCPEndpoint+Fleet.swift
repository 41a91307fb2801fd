import NIOHTTP1
import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline
import WeirTenancy

/// What is answered at another replica than where it came in (decision 22): what lives in one replica's memory is asked for there.
extension MCPEndpoint {
  /// Whether a request that says that a replica brings it is from one: nil, or why not.
  func distrust(_ request: ReceivedRequest, of principal: Name) -> Reply? {
    guard let fleet, let text = request.fields.forwarded else { return nil }
    guard let stamp = ForwardStamp(text), stamp.isOf(request, of: principal, sealer: fleet.sealer, now: time.wall()) else {
      table.refused(.stamp)
      return .text(403, "no replica of this fleet brings this: all need the same seal_key, the same keys and clocks that agree", label: "refused")
    }
    guard stamp.receiver == fleet.replica else { return .text(421, "the replica that this is for has ended", label: "refused") }
    return nil
  }

  /// The request is answered by that replica. Nil where that is this one.
  func handed(
    _ exchange: Exchange, to replica: Name?, absence: Forward.Absence = .noSession, id: RPCID? = nil
  ) -> Answer? {
    guard let fleet, let replica, replica != fleet.replica else { return nil }
    let forward = Forward(
      replica: replica, request: exchange.request, principal: exchange.caller.principal, absence: absence, id: id, isElement: exchange.isElement)
    // Who brought it took this replica for the one that has it.
    return exchange.request.isForwarded ? .reply(absent(forward)) : Answer(kind: .forwarded(forward))
  }

  /// A call that goes on in what one replica has: at the session's own replica. Nil where it may be made here.
  func handed(_ asked: Asked, _ bond: SessionBond, _ exchange: Exchange) -> Answer? {
    guard let owner = asked.owner, let fleet else { return nil }
    switch bond {
    case .none: return nil
    case .loose: return fleet.isThere(owner) ? handed(exchange, to: owner, id: asked.id) : nil
    case .tight: return handed(exchange, to: owner, id: asked.id)
    }
  }

  /// What is answered where the replica has ended.
  func absent(_ forward: Forward) -> Reply {
    switch forward.absence {
    case .ended:
      // Nobody else tells the others.
      if let session = forward.request.fields.session.map({ Name($0) }) {
        sessions.endForeign(session)
        fleet?.tell(.ended(session: session))
      }
      return Reply(200, label: "DELETE")
    case .noSession: return error(404, forward.id, RPCErrorObject.invalidRequest, Self.noSession)
    case .accepted: return Reply(202, label: "response")
    case .noEvents: return error(400, forward.id, RPCErrorObject.invalidRequest, Self.noEvents)
    case .noState: return reply(400, forward.id, Self.noState)
    }
  }

  /// What is answered where the replica cannot be reached, but may come back.
  func unreachable(_ forward: Forward, wasSent: Bool) -> Reply {
    let line =
      wasSent
      ? "the replica that has this session's state went away before it answered; the request may have been carried out"
      : "the replica that has this session's state cannot be reached now; try again"
    return Reply(
      503, .json, RPCWriter.error(id: forward.id, RPCErrorObject(code: RPCErrorObject.internalError, message: line)), headers: [("retry-after", "2")],
      label: "forwarded")
  }

  static let noSession = "there is no such session; open one with initialize"
  static let noEvents = "the events after this Last-Event-ID are not kept any more; open a stream without it"
  static let noState = RPCErrorObject(code: RPCErrorObject.invalidParams, message: "Invalid or expired requestState")
}
