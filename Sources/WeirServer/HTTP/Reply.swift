/// A whole answer: what the synchronous part of the front gives back.
struct Reply: Sendable {
  enum Content: Sendable {
    case none
    case json
    /// One message as the only event of a stream.
    case events
    case text
    case metrics

    var type: StaticString? {
      switch self {
      case .none: nil
      case .json: "application/json"
      case .events: "text/event-stream"
      case .text: "text/plain; charset=utf-8"
      case .metrics: "text/plain; version=0.0.4; charset=utf-8"
      }
    }
  }

  var status: Int
  var content: Content
  var body: ReplyBody
  /// Further fields; names in lower case.
  var headers: [(name: String, value: String)]
  /// True where the connection must not be used again.
  var closes: Bool
  /// What the request is called in metrics.
  var label: StaticString

  init(
    _ status: Int, _ content: Content = .none, _ body: ReplyBody = .whole([]), headers: [(name: String, value: String)] = [], closes: Bool = false,
    label: StaticString = "other"
  ) {
    self.status = status
    self.content = content
    self.body = body
    self.headers = headers
    self.closes = closes
    self.label = label
  }

  init(
    _ status: Int, _ content: Content, _ body: [UInt8], headers: [(name: String, value: String)] = [], label: StaticString = "other"
  ) {
    self.init(status, content, .whole(body), headers: headers, label: label)
  }

  static func text(_ status: Int, _ line: String, headers: [(name: String, value: String)] = [], label: StaticString = "other") -> Reply {
    Reply(status, .text, Array(line.utf8) + [0x0A], headers: headers, label: label)
  }
}
