import WeirJSON
import WeirMCP

/// How streams of `subscriptions/listen` end on standard output. There nothing is closed that the client would notice, so it is told by
/// `notifications/cancelled` beside the answer (MCP 2026-07-28, cancellation and subscriptions).
extension BridgeMachine {
  func isSubscription(_ flight: Flight) -> Bool { flight.waiting.message.method == MCPMethod.subscriptionsListen }

  /// Whether this is the end of a stream that the client did not end itself. A refusal began none.
  func endsSubscription(_ flight: Flight, _ outcome: Outcome) -> Bool {
    guard isSubscription(flight), !flight.isCancelled else { return false }
    switch outcome {
    case .answered(let answer): return answer.result != nil
    case .failed: return true
    case .accepted, .sessionLost: return false
    }
  }

  /// `notifications/cancelled` for a request of the client.
  static func cancelled(_ id: RPCID) -> [UInt8] {
    var params = JSONWriter()
    params.beginObject()
    params.memberRaw("requestId", id.raw)
    params.member("reason", "the subscription has ended")
    params.endObject()
    return RPCWriter.notification(method: MCPMethod.cancelled, params: params.bytes)
  }

  /// The result of a stream that the bridge ends.
  static func subscriptionEnd(_ id: RPCID) -> [UInt8] {
    var result = JSONWriter()
    result.beginObject()
    result.member("resultType", "complete")
    result.key(MetaKey.meta)
    result.beginObject()
    result.memberRaw(MetaKey.subscriptionID, id.raw)
    result.endObject()
    result.endObject()
    return RPCWriter.result(id: id, result.bytes)
  }
}
