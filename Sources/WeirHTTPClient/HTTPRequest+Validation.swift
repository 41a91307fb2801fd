extension HTTPRequest {
  /// Refuses whatever would change the shape of the message on the wire: control bytes, names that are no tokens, framing fields. Every
  /// `send` begins with it; a configuration can be checked before.
  package func validate() throws(HTTPClientError) {
    try validateMethod()
    try validateURL()
    for header in headers { try Self.validate(name: header.name, value: header.value) }
    guard maxBodyBytes >= 0 else { throw HTTPClientError(.invalidRequest, "the request's body limit is negative") }
  }

  private func validateMethod() throws(HTTPClientError) {
    guard Self.isToken(method) else { throw HTTPClientError(.invalidRequest, "the request method is not a token (RFC 9110 §9.1)") }
    if method == "CONNECT" || method == "TRACE" {
      throw HTTPClientError(.invalidRequest, "the request method \(method) is not supported")
    }
    if method == "HEAD", !body.isEmpty { throw HTTPClientError(.invalidRequest, "a HEAD request cannot have a body") }
  }

  private func validateURL() throws(HTTPClientError) {
    let bytes = url.utf8
    guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw HTTPClientError(.invalidRequest, "the URL holds a space, control or non-ASCII byte; percent-encode it")
    }
    guard let scheme = Self.schemes.first(where: { bytes.prefix($0.utf8.count).elementsEqual($0.utf8, by: Self.isSameLetter) }) else {
      throw HTTPClientError(.invalidRequest, "the URL does not begin with http:// or https://")
    }
    let authority = bytes.dropFirst(scheme.utf8.count).prefix { !Self.authorityEnd.contains($0) }
    guard !authority.isEmpty else { throw HTTPClientError(.invalidRequest, "the URL has no host") }
    guard !authority.contains(UInt8(ascii: "@")), !authority.contains(UInt8(ascii: "\\")) else {
      throw HTTPClientError(.invalidRequest, "the URL holds user information; send credentials in a header")
    }
  }

  private static let schemes = ["http://", "https://"]

  /// Whether a byte is this one of a scheme, which is in lower case.
  private static func isSameLetter(_ byte: UInt8, _ letter: UInt8) -> Bool {
    byte == letter || ((UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter) && byte == letter & ~0x20)
  }

  private static let authorityEnd: [UInt8] = Array("/?#".utf8)

  private static func validate(name: String, value: String) throws(HTTPClientError) {
    guard isToken(name) else { throw HTTPClientError(.invalidRequest, "a request header name is not a token (RFC 9110 §5.1)") }
    guard value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
      throw HTTPClientError(.invalidRequest, "the value of the request header \(name) holds a control byte such as CR, LF or NUL")
    }
    if framingFields.contains(where: { HTTPHeaders.isSame($0, name) }) {
      throw HTTPClientError(.invalidRequest, "the request header \(name) frames the message and is set by the client itself")
    }
  }

  /// RFC 9112 §6, §7, §9 and RFC 9110 §7.2, §10.1.1: one wrong line here and two requests are read where one was sent.
  private static let framingFields = [
    "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
  ]

  /// RFC 9110 §5.6.2.
  static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
  }

  static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    default: tokenMarks.contains(byte)
    }
  }

  private static let tokenMarks: [UInt8] = Array("!#$%&'*+-.^_`|~".utf8)
}
