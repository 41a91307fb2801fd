import NIOHTTP1
import WeirCore
import WeirMCP
import WeirPipeline

/// What a request carries that one replica brings to another (`Weir-Forwarded`): from whom, to whom, when, and a code of all that counts in it that
/// only replicas can make. A request with one goes no further.
struct ForwardStamp: Sendable, Equatable {
  static let field: StaticString = "weir-forwarded"
  private static let purpose = "forward 1"
  /// How far clocks of replicas may be apart, the way included.
  private static let tolerance: Duration = .seconds(300)

  let sender: Name
  let receiver: Name
  let sentAt: Int64
  private let code: [UInt8]

  /// The stamp for a request of this principal.
  init(_ request: ReceivedRequest, of principal: Name, from sender: Name, to receiver: Name, sealer: Sealer, now: WallTime) {
    self.sender = sender
    self.receiver = receiver
    sentAt = now.milliseconds
    code = sealer.code(of: Self.fields(request, principal, sender, receiver, now.milliseconds), for: Self.purpose)
  }

  /// Nil for a value that `text` does not write.
  init?(_ text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4, FrontFleet.isReplica(parts[0]), FrontFleet.isReplica(parts[1]), let sender = Name(utf8: parts[0]),
      let receiver = Name(utf8: parts[1]), let sentAt = Int64(Substring(parts[2])), let code = Base64.decode(Array(parts[3]))
    else { return nil }
    (self.sender, self.receiver, self.sentAt, self.code) = (sender, receiver, sentAt, code)
  }

  var text: String { "\(sender).\(receiver).\(sentAt).\(String(decoding: Base64.encode(code), as: UTF8.self))" }

  /// Whether another replica brought this request of this principal, unchanged and lately.
  func isOf(_ request: ReceivedRequest, of principal: Name, sealer: Sealer, now: WallTime) -> Bool {
    let (age, overflow) = now.milliseconds.subtractingReportingOverflow(sentAt)
    guard !overflow, Duration.milliseconds(age).magnitude <= Self.tolerance else { return false }
    return sealer.isCode(code, of: Self.fields(request, principal, sender, receiver, sentAt), for: Self.purpose)
  }

  private static func fields(_ request: ReceivedRequest, _ principal: Name, _ sender: Name, _ receiver: Name, _ sentAt: Int64) -> [[UInt8]] {
    let fields = request.fields
    let texts = [
      sender.string, receiver.string, String(sentAt), principal.string, request.method.rawValue, String(request.path), String(request.query),
      fields.session, fields.lastEventID, fields.protocolVersion, fields.accept, fields.contentType, fields.method, fields.name,
    ]
    return texts.map { $0.map { Array($0.utf8) } ?? [] } + [request.body]
  }
}

extension Duration {
  fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
