import NIOCore

/// Writes a `Reply` as HTTP/1.1 bytes into one buffer (RFC 9112, section 4), all but a shared body.
struct ReplyEncoder {
  private static let common = Array("cache-control: no-store\r\n".utf8)

  static func encode(_ reply: Reply, date: [UInt8], closes: Bool, into buffer: inout ByteBuffer) {
    buffer.writeStaticString("HTTP/1.1 ")
    buffer.writeString(statusLine(reply.status))
    buffer.writeStaticString("\r\n")
    if let type = reply.content.type {
      buffer.writeStaticString("content-type: ")
      buffer.writeStaticString(type)
      buffer.writeStaticString("\r\n")
    }
    if reply.status != 204 {
      buffer.writeStaticString("content-length: ")
      buffer.writeString(String(reply.body.count))
      buffer.writeStaticString("\r\n")
    }
    endHead(reply.headers, date: date, closes: closes, &buffer)
    if case .whole(let bytes) = reply.body { buffer.writeBytes(bytes) }
  }

  /// The head of an event stream.
  static func encodeStreamHead(
    _ headers: [(name: String, value: String)], date: [UInt8], isChunked: Bool, closes: Bool, into buffer: inout ByteBuffer
  ) {
    buffer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: no\r\n")
    if isChunked { buffer.writeStaticString("transfer-encoding: chunked\r\n") }
    endHead(headers, date: date, closes: closes, &buffer)
  }

  private static func endHead(_ headers: [(name: String, value: String)], date: [UInt8], closes: Bool, _ buffer: inout ByteBuffer) {
    buffer.writeBytes(common)
    for (name, value) in headers {
      buffer.writeString(name)
      buffer.writeStaticString(": ")
      buffer.writeString(value)
      buffer.writeStaticString("\r\n")
    }
    if closes { buffer.writeStaticString("connection: close\r\n") }
    buffer.writeStaticString("date: ")
    buffer.writeBytes(date)
    buffer.writeStaticString("\r\n\r\n")
  }

  /// Code and reason phrase.
  static func statusLine(_ status: Int) -> String {
    switch status {
    case 200: "200 OK"
    case 202: "202 Accepted"
    case 204: "204 No Content"
    case 400: "400 Bad Request"
    case 401: "401 Unauthorized"
    case 403: "403 Forbidden"
    case 404: "404 Not Found"
    case 405: "405 Method Not Allowed"
    case 406: "406 Not Acceptable"
    case 408: "408 Request Timeout"
    case 409: "409 Conflict"
    case 413: "413 Content Too Large"
    case 414: "414 URI Too Long"
    case 415: "415 Unsupported Media Type"
    case 417: "417 Expectation Failed"
    case 421: "421 Misdirected Request"
    case 431: "431 Request Header Fields Too Large"
    case 503: "503 Service Unavailable"
    case 505: "505 HTTP Version Not Supported"
    default: "\(status) Status"
    }
  }
}
