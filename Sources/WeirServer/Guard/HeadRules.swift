package import NIOHTTP1

/// What the guard needs to know of a request head that passed its rules.
package struct HeadFacts: Sendable, Equatable {
  /// Nil: no body, or a chunked one.
  package var contentLength: Int?
  package var isChunked = false
  /// `Expect: 100-continue` with a body to come.
  package var expectsContinue = false
  /// The client wants no further request on this connection, or cannot have one.
  package var closes = false

  package init() {}

  package var hasBody: Bool { isChunked || (contentLength ?? 0) > 0 }
}

/// The rules that every request head must keep, beyond what the HTTP/1 parser refuses: RFC 9112, sections 3.2 and 6, RFC 9110, section 10.1.1.
package enum HeadRules {
  /// - Throws: what is wrong; the connection is closed after the answer.
  package static func check(_ head: HTTPRequestHead, limits: FrontLimits) throws(Refusal) -> HeadFacts {
    guard head.version == .http1_1 || head.version == .http1_0 else {
      throw Refusal(.version, status: 505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    }
    try target(head.uri, limits: limits)
    var facts = HeadFacts()
    var tally = Tally()
    for (name, value) in head.headers {
      tally.fields += 1
      tally.bytes += name.utf8.count + value.utf8.count + 4
      try field(name, value, head: head, &tally, &facts)
    }
    guard tally.fields <= limits.maxHeaderFields, tally.bytes <= limits.maxHeaderBytes else {
      throw Refusal(
        .headerTooLarge, status: 431, "the header section is over the limit of \(limits.maxHeaderFields) fields or \(limits.maxHeaderBytes) bytes")
    }
    guard tally.hosts == 1 || (tally.hosts == 0 && head.version == .http1_0) else {
      throw Refusal(.host, status: 400, "a request must have exactly one Host header")
    }
    if facts.isChunked, facts.contentLength != nil {
      throw Refusal(.framing, status: 400, "a request cannot have both Transfer-Encoding and Content-Length")
    }
    if let length = facts.contentLength, length > limits.maxBodyBytes { throw tooLarge(limits) }
    if head.version == .http1_0 { facts.closes = true }
    if !facts.hasBody { facts.expectsContinue = false }
    return facts
  }

  /// A body over the limit (RFC 9110, section 15.5.14).
  static func tooLarge(_ limits: FrontLimits) -> Refusal {
    Refusal(.bodyTooLarge, status: 413, "the body is over the limit of \(limits.maxBodyBytes) bytes")
  }

  private struct Tally {
    var fields = 0
    var bytes = 0
    var hosts = 0
    var encodings = 0
  }

  private static func target(_ uri: String, limits: FrontLimits) throws(Refusal) {
    let bytes = uri.utf8
    guard bytes.count <= limits.maxTargetBytes else {
      throw Refusal(.target, status: 414, "the request target is over \(limits.maxTargetBytes) bytes")
    }
    guard bytes.first == UInt8(ascii: "/"), bytes.dropFirst().first != UInt8(ascii: "/") else {
      throw Refusal(.target, status: 400, "the request target must be a path that starts with one slash")
    }
    guard bytes.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "#") }) else {
      throw Refusal(.target, status: 400, "the request target has a character that cannot stand there")
    }
  }

  private static func field(
    _ name: String, _ value: String, head: HTTPRequestHead, _ tally: inout Tally, _ facts: inout HeadFacts
  ) throws(Refusal) {
    switch name.utf8.count {
    case 4 where ASCII.equalsFolded(name, "host"):
      tally.hosts += 1
    case 6 where ASCII.equalsFolded(name, "expect"):
      guard ASCII.equalsFolded(value, "100-continue") else {
        throw Refusal(.expectation, status: 417, "the only expectation met here is 100-continue")
      }
      facts.expectsContinue = head.version == .http1_1
    case 7 where ASCII.equalsFolded(name, "upgrade"):
      facts.closes = true
    case 10 where ASCII.equalsFolded(name, "connection"):
      if ASCII.list(value, contains: "close") { facts.closes = true }
    case 14 where ASCII.equalsFolded(name, "content-length"):
      guard facts.contentLength == nil, value.utf8.count <= 18, value.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let length = Int(value) else {
        throw Refusal(.framing, status: 400, "Content-Length must be one decimal number")
      }
      facts.contentLength = length
    case 17 where ASCII.equalsFolded(name, "transfer-encoding"):
      tally.encodings += 1
      guard head.version == .http1_1, tally.encodings == 1, ASCII.equalsFolded(ASCII.trimmed(value), "chunked") else {
        throw Refusal(.framing, status: 400, "Transfer-Encoding must be exactly chunked, once, on HTTP/1.1")
      }
      facts.isChunked = true
    default: break
    }
  }
}
