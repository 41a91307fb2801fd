import WeirCore
import WeirMCP

extension ClientPeer {
  /// The message that answers a question of the server, with what the client says or why it does not.
  func answer(_ id: RPCID, _ method: String, _ params: [UInt8]?) async -> [UInt8] {
    do throws(ClientRefusal) {
      return RPCWriter.result(id: id, try await ask(method, params))
    } catch {
      return RPCWriter.error(id: id, RPCErrorObject(code: error.code, message: error.message, data: error.data))
    }
  }
}
