import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// The client at the other end of a session that is lent to one call after the other: whoever calls now.
final class PeerSeat: ClientPeer {
  private let caller = NIOLockedValueBox<UpstreamCaller?>(nil)

  func sit(_ caller: UpstreamCaller) { self.caller.withLockedValue { $0 = caller } }
  func leave() { caller.withLockedValue { $0 = nil } }

  func notify(_ method: String, _ params: [UInt8]?) {
    guard let caller = caller.withLockedValue({ $0 }) else { return }
    // The level of the call before this one may still hold in the session.
    if method == MCPMethod.message, caller.logLevel == nil { return }
    caller.peer?.notify(method, params)
  }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    guard let peer = caller.withLockedValue({ $0?.peer }) else {
      throw ClientRefusal(code: RPCErrorObject.methodNotFound, message: "nobody is there who could be asked")
    }
    return try await peer.ask(method, params)
  }
}
