import WeirJSON
import WeirMCP
import WeirUpstream

/// The answer to a request, as the line that the client gets.
struct ServerAnswer: Sendable {
  let line: [UInt8]
  /// Nil for an error.
  let result: JSONValue?
  /// Of an error.
  var code: Int?
  /// The header `Mcp-Session-Id` that came with it.
  var session: String?
}

/// What a server sent, in a body or an event.
enum ServerMessage: Sendable {
  case answer(ServerAnswer)
  /// A notification.
  case said(line: [UInt8])
  /// A request, which the client has to answer.
  case asked(line: [UInt8])
  /// The answer to something else.
  case stray
  /// One line that says why.
  case unreadable(String)

  /// - Parameter id: of the request that is to be answered; nil: none is.
  init(reading bytes: [UInt8], for id: RPCID?, maxBytes: Int) {
    let root: JSONValue
    do throws(JSONError) {
      root = try JSONDocument(parsing: bytes, limits: IncomingMessage.limits(maxBytes: maxBytes)).root
    } catch {
      self = .unreadable("it is no JSON: \(error.message)")
      return
    }
    do throws(RPCErrorObject) {
      self = Self.sort(try RPCMessage.parse(root), root, for: id)
    } catch {
      self = .unreadable(error.message)
    }
  }

  private static func sort(_ message: RPCMessage, _ root: JSONValue, for id: RPCID?) -> ServerMessage {
    switch message {
    case .notification: .said(line: SingleLine.text(root.rawBytes))
    case .request: .asked(line: SingleLine.text(root.rawBytes))
    case .response(let answered, let result) where answered == id:
      .answer(ServerAnswer(line: SingleLine.text(root.rawBytes), result: result))
    case .failure(let answered, let error) where id != nil && (answered == nil || answered == id):
      // The client needs the id to know what failed.
      .answer(ServerAnswer(line: answered == nil ? RPCWriter.error(id: id, error) : SingleLine.text(root.rawBytes), result: nil, code: error.code))
    case .response, .failure: .stray
    }
  }
}
