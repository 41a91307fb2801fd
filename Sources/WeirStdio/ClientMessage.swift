import WeirJSON
import WeirMCP
import WeirUpstream

/// One line of standard input: what the client says, as the bytes that will be sent on.
struct ClientMessage: Sendable {
  enum Kind: Sendable, Equatable {
    case request(RPCID)
    case notification
    case response
  }

  /// A line that cannot be sent on, and the error that says so to the client.
  struct Refusal: Error {
    let id: RPCID?
    let error: RPCErrorObject
  }

  let line: [UInt8]
  let kind: Kind
  /// Empty for a response.
  let method: String
  let params: JSONValue?
  /// The revision that a modern message names in its `_meta`; nil: the message belongs to a handshake.
  let version: String?

  init(reading line: [UInt8]) throws(Refusal) {
    let root: JSONValue
    do throws(JSONError) {
      root = try JSONDocument(parsing: line, limits: IncomingMessage.limits(maxBytes: line.count)).root
    } catch {
      throw Refusal(id: nil, error: RPCErrorObject(code: RPCErrorObject.parseError, message: "the line is no JSON: \(error.message)"))
    }
    let message: RPCMessage
    do throws(RPCErrorObject) {
      message = try RPCMessage.parse(root)
    } catch {
      throw Refusal(id: RPCMessage.id(of: root), error: error)
    }
    self.line = line
    switch message {
    case .request(let id, let method, let params): (kind, self.method, self.params) = (.request(id), method, params)
    case .notification(let method, let params): (kind, self.method, self.params) = (.notification, method, params)
    case .response, .failure: (kind, method, params) = (.response, "", nil)
    }
    version = params?[MetaKey.meta]?[MetaKey.protocolVersion]?.string
  }

  var id: RPCID? { if case .request(let id) = kind { id } else { nil } }

  /// Whether sending it twice does no harm.
  var isRepeatable: Bool { Self.repeatable.contains(method) }

  private static let repeatable: Set<String> = [
    MCPMethod.discover, MCPMethod.ping, MCPMethod.toolsList, MCPMethod.resourcesList, MCPMethod.resourceTemplatesList, MCPMethod.resourcesRead,
    MCPMethod.promptsList, MCPMethod.promptsGet, MCPMethod.complete, MCPMethod.subscriptionsListen,
  ]
}
