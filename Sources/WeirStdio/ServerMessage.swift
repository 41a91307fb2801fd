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
  /// Of the request that it answers.
  var id: RPCID?
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
    do throws(JSONError) {
      self = Self.sort(try Self.document(bytes, maxBytes), for: id.map { [$0] } ?? [])
    } catch {
      self = .unreadable("it is no JSON: \(error.message)")
    }
  }

  /// One message, or those of an array, which servers of 2025-03-26 may send.
  static func all(reading bytes: [UInt8], for ids: [RPCID], maxBytes: Int) -> [ServerMessage] {
    do throws(JSONError) {
      let root = try document(bytes, maxBytes)
      return root.kind == .array ? root.elements.map { sort($0, for: ids) } : [sort(root, for: ids)]
    } catch {
      return [.unreadable("it is no JSON: \(error.message)")]
    }
  }

  private static func document(_ bytes: [UInt8], _ maxBytes: Int) throws(JSONError) -> JSONValue {
    try JSONDocument(parsing: bytes, limits: IncomingMessage.limits(maxBytes: maxBytes)).root
  }

  private static func sort(_ root: JSONValue, for ids: [RPCID]) -> ServerMessage {
    do throws(RPCErrorObject) {
      return sort(try RPCMessage.parse(root), root, for: ids)
    } catch {
      return .unreadable(error.message)
    }
  }

  private static func sort(_ message: RPCMessage, _ root: JSONValue, for ids: [RPCID]) -> ServerMessage {
    switch message {
    case .notification: .said(line: SingleLine.text(root.rawBytes))
    case .request: .asked(line: SingleLine.text(root.rawBytes))
    case .response(let id, let result) where ids.contains(id):
      .answer(ServerAnswer(line: SingleLine.text(root.rawBytes), result: result, id: id))
    case .failure(let id?, let error) where ids.contains(id):
      .answer(ServerAnswer(line: SingleLine.text(root.rawBytes), result: nil, code: error.code, id: id))
    // The client needs the id to know what failed.
    case .failure(nil, let error) where ids.count == 1:
      .answer(ServerAnswer(line: RPCWriter.error(id: ids.first, error), result: nil, code: error.code, id: ids.first))
    case .failure(nil, _) where !ids.isEmpty: .said(line: SingleLine.text(root.rawBytes))
    case .response, .failure: .stray
    }
  }
}
