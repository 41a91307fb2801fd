import Foundation
import NIOConcurrencyHelpers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An HTTP server on a free port of loopback that answers one request with what it was given, and remembers its first line.
final class OneAnswer: Sendable {
  struct Failure: Error {}

  let url: String
  private let line = NIOLockedValueBox("")

  init(status: String, body: [UInt8]) throws {
    #if canImport(Glibc)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    let listener = socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isListening else { throw Failure() }
    url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    let head = "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n"
    let line = line
    Thread {
      defer { close(listener) }
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { return }
      defer { close(connection) }
      var request: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 4096)
      while !request.suffix(4).elementsEqual("\r\n\r\n".utf8) {
        let count = recv(connection, &piece, piece.count, 0)
        guard count > 0 else { return }
        request += piece.prefix(count)
      }
      let first = String(decoding: request.prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
      line.withLockedValue { $0 = first }
      let answer = Array(head.utf8) + body
      _ = answer.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, 0) }
    }.start()
  }

  /// What was asked.
  func requestLine() -> String { line.withLockedValue { $0 } }
}
