import WeirJSON
import WeirMCP
import WeirUpstream

/// One line of standard input: what the client says, as the bytes that will be sent on.
struct ClientMessage: Sendable {
  enum Kind: Sendable, Equatable {
    case request(RPCID)
    case notification
    case response
    /// An array of them.
    case batch
  }

  /// A line that cannot be sent on, and the error that says so to the client.
  struct Refusal: Error {
    let id: RPCID?
    let error: RPCErrorObject
  }

  let line: [UInt8]
  let kind: Kind
  /// Of a batch.
  let members: [ClientMessage]
  /// Empty for a response and a batch.
  let method: String
  let params: JSONValue?
  /// The revision that a modern message names in its `_meta`; nil: the message belongs to a handshake.
  let version: String?

  init(reading line: [UInt8]) throws(Refusal) { try self.init(try Self.document(line), line) }

  init(members: [ClientMessage], line: [UInt8]) {
    (kind, method, params, version) = (.batch, "", nil, nil)
    self.members = members
    self.line = line
  }

  static func document(_ line: [UInt8]) throws(Refusal) -> JSONValue {
    do throws(JSONError) {
      return try JSONDocument(parsing: line, limits: IncomingMessage.limits(maxBytes: line.count)).root
    } catch {
      throw Refusal(id: nil, error: RPCErrorObject(code: RPCErrorObject.parseError, message: "the line is no JSON: \(error.message)"))
    }
  }

  /// - Parameter line: the bytes of `root`.
  init(_ root: JSONValue, _ line: [UInt8]) throws(Refusal) {
    let message: RPCMessage
    do throws(RPCErrorObject) {
      message = try RPCMessage.parse(root)
    } catch {
      throw Refusal(id: RPCMessage.id(of: root), error: error)
    }
    self.line = line
    members = []
    switch message {
    case .request(let id, let method, let params): (kind, self.method, self.params) = (.request(id), method, params)
    case .notification(let method, let params): (kind, self.method, self.params) = (.notification, method, params)
    case .response, .failure: (kind, method, params) = (.response, "", nil)
    }
    version = params?[MetaKey.meta]?[MetaKey.protocolVersion]?.string
  }

  var id: RPCID? { if case .request(let id) = kind { id } else { nil } }

  /// Of all requests in it.
  var ids: [RPCID] { id.map { [$0] } ?? members.compactMap(\.id) }

  /// Whether nothing in it asks or answers.
  var isNotification: Bool { kind == .notification || kind == .batch && members.allSatisfy { $0.kind == .notification } }

  /// Whether sending it twice does no harm.
  var isRepeatable: Bool { Self.repeatable.contains(method) }

  private static let repeatable: Set<String> = [
    MCPMethod.discover, MCPMethod.ping, MCPMethod.toolsList, MCPMethod.resourcesList, MCPMethod.resourceTemplatesList, MCPMethod.resourcesRead,
    MCPMethod.promptsList, MCPMethod.promptsGet, MCPMethod.complete, MCPMethod.subscriptionsListen,
  ]
}
