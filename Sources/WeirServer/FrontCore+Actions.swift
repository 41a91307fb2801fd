import NIOHTTP1
import WeirCore
import WeirJSON
import WeirTenancy

/// What operators have Weir do.
extension FrontCore {
  func action(_ request: ReceivedRequest) -> FrontHooks.Action? {
    guard request.listener == .admin || configuration.adminAddress == nil else { return nil }
    return hooks.actions.first { $0.path.utf8.elementsEqual(request.path.utf8) }
  }

  func answer(_ action: FrontHooks.Action, to request: ReceivedRequest) -> Answer {
    if let refusal = refusal(of: action, request) { return .reply(refusal) }
    return Answer(kind: .action(action, body: request.body))
  }

  private func refusal(of action: FrontHooks.Action, _ request: ReceivedRequest) -> Reply? {
    guard request.method == .POST else { return .text(405, "use POST", headers: [("allow", "POST")], label: "unknown") }
    // A page in a browser of this machine can reach what only this machine can. It can't leave out its origin.
    guard request.fields.origin == nil else { return Self.problem(403, "web pages may not do this") }
    switch action.access {
    case .anybody: break
    case .nobody(let why): return Self.problem(403, why)
    case .key(let digest):
      guard let key = Self.bearer(request.fields.authorization), APIKey.digest(of: key).matches(digest) else {
        table.refused(.unauthenticated)
        var reply = Self.problem(401, "this needs the key that is listen.admin_token in the configuration, as Authorization: Bearer")
        reply.headers.append(("www-authenticate", "Bearer"))
        return reply
      }
    }
    let type = request.fields.contentType?.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
    guard let type, ASCII.equalsFolded(type, "application/json".utf8) else {
      return Self.problem(415, "send JSON, as Content-Type: application/json")
    }
    return nil
  }

  private static func bearer(_ field: String?) -> Substring.UTF8View? {
    guard let field, field.utf8.count > 7, ASCII.equalsFolded(field.utf8.prefix(7), "bearer ".utf8) else { return nil }
    return Substring(field).utf8.dropFirst(7)
  }

  private static func problem(_ status: Int, _ text: String) -> Reply {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("error", text)
    writer.endObject()
    return Reply(status, .json, writer.bytes, label: "refused")
  }
}
