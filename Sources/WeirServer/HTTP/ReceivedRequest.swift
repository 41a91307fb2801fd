import NIOHTTP1
import WeirCore

/// A whole request that kept the rules of the guard.
struct ReceivedRequest: Sendable {
  /// Which listener it came in at.
  enum Listener: Sendable { case main, admin }

  let listener: Listener
  let method: HTTPMethod
  /// The request target up to `?`.
  let path: Substring
  /// What stands behind the `?`, as it was sent.
  let query: Substring
  let fields: RequestFields
  private(set) var body: [UInt8]
  let receivedAt: Moment
  /// Another replica brought it: it goes no further.
  var isForwarded = false

  init(listener: Listener, head: HTTPRequestHead, body: [UInt8], receivedAt: Moment) {
    self.listener = listener
    self.method = head.method
    let path = head.uri.utf8.prefix { $0 != UInt8(ascii: "?") }
    self.path = Substring(path)
    self.query = Substring(head.uri.utf8[path.endIndex...].dropFirst())
    self.fields = RequestFields(head.headers)
    self.body = body
    self.receivedAt = receivedAt
  }

  /// The same request with another body.
  func with(_ body: [UInt8]) -> ReceivedRequest {
    var copy = self
    copy.body = body
    return copy
  }
}
