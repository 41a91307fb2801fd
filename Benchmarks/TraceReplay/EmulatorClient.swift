import Glibc
import Synchronization
import WeirCore
import WeirJSON

/// What the providers know, for every task of a replay.
final class Knowledge: Sendable {
  private let client: Mutex<EmulatorClient>

  /// - Parameter pageSize: rows of a page of Cost Explorer; nil leaves it to the emulator.
  init(port: UInt16, pageSize: Int? = nil) {
    client = Mutex(EmulatorClient(port: port, pageSize: pageSize))
  }

  /// The answer to an AWS JSON request on that day.
  func ask(_ target: String, _ body: [UInt8], on day: CivilDate) -> Result<EmulatorClient.Reply, TraceError> {
    client.withLock { client in
      do throws(TraceError) { return .success(try client.ask(target, body, on: day)) } catch { return .failure(error) }
    }
  }
}

/// Asks the emulator of Cost Explorer and the Price List over loopback, one request after the other. Blocks: it stands for the provider's
/// knowledge, whose time is the replay's business.
final class EmulatorClient {
  /// What the provider answers: the body of a 200, or what its error body says.
  enum Reply: Sendable {
    case answer([UInt8])
    case failure(code: String, message: String)
  }

  private struct Question: Hashable {
    let day: CivilDate
    let target: String
    let body: [UInt8]
  }

  private let port: UInt16
  private let pageSize: Int?
  private var socket: Int32 = -1
  private var buffer: [UInt8] = []
  private var today: CivilDate?
  private var known: [Question: Reply] = [:]

  init(port: UInt16, pageSize: Int?) {
    self.port = port
    self.pageSize = pageSize
  }

  deinit {
    if socket >= 0 { close(socket) }
  }

  /// The answer on that day. The ledger never changes, so each question is asked once a day.
  func ask(_ target: String, _ body: [UInt8], on day: CivilDate) throws(TraceError) -> Reply {
    let question = Question(day: day, target: target, body: body)
    if let reply = known[question] { return reply }
    if today != day {
      let (status, _) = try post("/control", target: nil, Array(#"{"today":"\#(day.text)","page_size":\#(pageSize.map { "\($0)" } ?? "null")}"#.utf8))
      guard status == 200 else { throw TraceError("The emulator does not take the date \(day.text).") }
      today = day
    }
    let (status, bytes) = try post("/", target: target, body)
    let reply = try status == 200 ? Reply.answer(Self.compact(bytes)) : Self.failure(bytes)
    known[question] = reply
    return reply
  }

  private static func failure(_ bytes: [UInt8]) throws(TraceError) -> Reply {
    guard let root = try? JSONDocument(parsing: bytes).root, let code = root["__type"]?.string, let message = root["message"]?.string else {
      throw TraceError("The emulator answers with something that is no AWS error.")
    }
    return .failure(code: code, message: message)
  }

  /// Without the blanks between tokens.
  static func compact(_ json: [UInt8]) -> [UInt8] {
    var compact: [UInt8] = []
    compact.reserveCapacity(json.count)
    var isText = false
    var isEscaped = false
    for byte in json {
      if isText {
        let wasEscaped = isEscaped
        isEscaped = !wasEscaped && byte == UInt8(ascii: "\\")
        if byte == UInt8(ascii: "\""), !wasEscaped { isText = false }
      } else if byte == UInt8(ascii: "\"") {
        isText = true
      } else if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") {
        continue
      }
      compact.append(byte)
    }
    return compact
  }

  // MARK: HTTP

  private func post(_ path: String, target: String?, _ body: [UInt8]) throws(TraceError) -> (status: Int, body: [UInt8]) {
    if socket < 0 { try connect() }
    var head = "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: \(body.count)\r\n"
    if let target { head += "X-Amz-Target: \(target)\r\n" }
    try write(Array(head.utf8) + [13, 10] + body)
    let end = try headEnd()
    let lines = String(decoding: buffer[..<end], as: UTF8.self).split(separator: "\r\n")
    let length = lines.lazy.compactMap { line -> Int? in
      let parts = line.split(separator: ":", maxSplits: 1)
      return parts.count == 2 && parts[0].lowercased() == "content-length" ? Int(parts[1].drop { $0 == " " }) : nil
    }.first
    guard let status = lines.first.flatMap({ $0.split(separator: " ").dropFirst().first }).flatMap({ Int($0) }), let length, length >= 0 else {
      throw TraceError("The emulator does not speak HTTP.")
    }
    while buffer.count < end + 4 + length { try read() }
    defer { buffer.removeFirst(end + 4 + length) }
    return (status, Array(buffer[(end + 4)..<(end + 4 + length)]))
  }

  private func headEnd() throws(TraceError) -> Int {
    let blank: [UInt8] = [13, 10, 13, 10]
    while true {
      if buffer.count >= 4, let end = (0...(buffer.count - 4)).first(where: { buffer[$0] == 13 && buffer[$0..<($0 + 4)].elementsEqual(blank) }) {
        return end
      }
      try read()
    }
  }

  private func connect() throws(TraceError) {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard result == 0 else { throw TraceError("No emulator listens on 127.0.0.1:\(port).") }
    var one: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  private func write(_ bytes: [UInt8]) throws(TraceError) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw TraceError("The emulator hung up.") }
      sent += count
    }
  }

  private func read() throws(TraceError) {
    let piece = [UInt8](unsafeUninitializedCapacity: 1 << 16) { room, count in count = max(0, recv(socket, room.baseAddress, room.count, 0)) }
    guard !piece.isEmpty else { throw TraceError("The emulator hung up.") }
    buffer += piece
  }
}
