import WeirJSON
import WeirMCP

/// What stands in the body of an answer that is no success.
struct RefusalBody: Sendable {
  /// The answer to the request, where the body is an error of JSON-RPC.
  let answer: ServerAnswer?
  let code: Int?
  /// What it says, for people.
  let text: String?

  init(_ body: [UInt8], for id: RPCID?) {
    guard let root = try? JSONDocument(parsing: body).root, case .failure(_, let error) = try? RPCMessage.parse(root) else {
      answer = nil
      code = nil
      // A page of HTML says nothing here.
      let isText = !body.isEmpty && body.first != UInt8(ascii: "<") && body.first != UInt8(ascii: "{")
      text = isText ? String(decoding: body.prefix(200), as: UTF8.self) : nil
      return
    }
    if case .answer(let answer) = ServerMessage(reading: body, for: id, maxBytes: body.count) { self.answer = answer } else { answer = nil }
    code = error.code
    text = error.message
  }
}
