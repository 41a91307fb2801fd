import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A raw TCP client: sends bytes as they are, and waits for what comes back.
final class WireClient: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var isClosed = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private final class Collector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let client: WireClient

    init(_ client: WireClient) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = Array(unwrapInboundIn(data).readableBytesView)
      client.update { $0.bytes += bytes }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case ChannelEvent.inputClosed = event { client.update { $0.isClosed = true } }
    }

    func channelInactive(context: ChannelHandlerContext) { client.update { $0.isClosed = true } }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { client.update { $0.isClosed = true } }
  }

  private let state = NIOLockedValueBox(State())
  private let channel = NIOLockedValueBox<(any Channel)?>(nil)

  private init() {}

  static func connect(_ port: Int, reading: Bool = true, receiveBuffer: CInt? = nil) async throws -> WireClient {
    let client = WireClient()
    var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.autoRead, value: reading)
    if let receiveBuffer { bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer)) }
    let channel = try await bootstrap.channelInitializer { $0.pipeline.addHandler(Collector(client)) }.connect(host: "127.0.0.1", port: port).get()
    client.channel.withLockedValue { $0 = channel }
    return client
  }

  private func update(_ change: (inout State) -> Void) {
    let waiter = state.withLockedValue { state in
      change(&state)
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  private func changed(since count: Int, wasClosed: Bool) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isNews = state.withLockedValue { state in
          if Task.isCancelled || state.bytes.count != count || state.isClosed != wasClosed { return true }
          state.waiter = continuation
          return false
        }
        if isNews { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLockedValue { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }

  func send(_ bytes: [UInt8]) async {
    guard let channel = channel.withLockedValue({ $0 }) else { return }
    try? await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  func send(_ text: String) async { await send(Array(text.utf8)) }

  /// Begins to read, where the client was connected without.
  func read() async { try? await channel.withLockedValue { $0 }?.setOption(.autoRead, value: true).get() }

  /// Waits until what came ends so, or the server closed; returns how many bytes came.
  func receive(ending: String) async -> Int {
    let ending = Array(ending.utf8)
    while true {
      let (count, isDone, closed) = state.withLockedValue { ($0.bytes.count, $0.bytes.suffix(ending.count).elementsEqual(ending), $0.isClosed) }
      if isDone || closed || Task.isCancelled { return count }
      await changed(since: count, wasClosed: closed)
    }
  }

  /// Closes the sending half.
  func finish() async { try? await channel.withLockedValue { $0 }?.close(mode: .output).get() }

  func close() async { try? await channel.withLockedValue { $0 }?.close().get() }

  var received: String { state.withLockedValue { String(decoding: $0.bytes, as: UTF8.self) } }
  var isClosed: Bool { state.withLockedValue { $0.isClosed } }

  /// Waits until what has come satisfies the condition, or the server closed; returns what has come and forgets it.
  @discardableResult
  func receive(until done: (String) -> Bool) async -> String {
    while true {
      let (text, count, closed) = state.withLockedValue { (String(decoding: $0.bytes, as: UTF8.self), $0.bytes.count, $0.isClosed) }
      if done(text) || closed || Task.isCancelled {
        state.withLockedValue { $0.bytes.removeFirst(count) }
        return text
      }
      await changed(since: count, wasClosed: closed)
    }
  }

  /// Everything until the server closes.
  func receiveAll() async -> String {
    while true {
      let (text, count, closed) = state.withLockedValue { (String(decoding: $0.bytes, as: UTF8.self), $0.bytes.count, $0.isClosed) }
      if closed || Task.isCancelled { return text }
      await changed(since: count, wasClosed: closed)
    }
  }

  /// One answer with a Content-Length, or the end.
  func response() async -> WireResponse {
    let text = await receive { WireResponse(text: $0).isComplete }
    return WireResponse(text: text)
  }

  static func exchange(_ port: Int, _ text: String) async throws -> WireResponse {
    let client = try await connect(port)
    await client.send(text)
    let response = await client.response()
    await client.close()
    return response
  }
}

/// An HTTP answer, taken apart just as far as tests need it.
struct WireResponse: Sendable {
  let status: Int
  let head: String
  let body: String

  init(text: String) {
    var head = Array(text.utf8)
    var body: [UInt8] = []
    let separator = Array("\r\n\r\n".utf8)
    if let range = head.firstRange(of: separator) {
      body = Array(head[range.upperBound...])
      head = Array(head[..<range.lowerBound])
    } else {
      head = []
    }
    self.head = String(decoding: head, as: UTF8.self)
    self.body = String(decoding: body, as: UTF8.self)
    let first = head.split(separator: UInt8(ascii: " "), maxSplits: 2)
    status = first.count > 1 ? Int(String(decoding: first[1], as: UTF8.self)) ?? 0 : 0
  }

  func header(_ name: String) -> String? {
    for line in head.utf8.split(separator: 0x0A) {
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1)
      guard parts.count == 2, String(decoding: parts[0], as: UTF8.self).lowercased() == name else { continue }
      var value = String(decoding: parts[1].dropFirst(), as: UTF8.self).utf8[...]
      if value.last == 0x0D { value = value.dropLast() }
      return String(Substring(value))
    }
    return nil
  }

  var isComplete: Bool {
    guard status != 0 else { return false }
    if status == 100 || status == 204 || status == 304 { return true }
    guard let length = header("content-length").flatMap({ Int($0) }) else { return false }
    return body.utf8.count >= length
  }
}
