package import Logging
import NIOConcurrencyHelpers
package import WeirCore
import WeirHTTPClient
import WeirMCP

/// Serves one client on standard input and output from an MCP endpoint over HTTP: a `BridgeMachine` under a lock, and what carries out what it says.
package final class StdioBridge: Sendable {
  private let configuration: BridgeConfiguration
  private let exchange: BridgeExchange
  private let input: LineInput
  private let output: LineOutput
  private let time: any TimeSource
  private let logger: Logger
  private let machine = NIOLockedValueBox(BridgeMachine())
  private let actions: AsyncStream<BridgeMachine.Action>
  private let sink: AsyncStream<BridgeMachine.Action>.Continuation
  /// Says that the machine was full and is not any more.
  private let room: AsyncStream<Void>
  private let hasRoom: AsyncStream<Void>.Continuation

  /// The descriptors stay the caller's. `run` may be called once.
  package init(
    _ configuration: BridgeConfiguration, input: CInt = 0, output: CInt = 1, time: any TimeSource = SystemTime(), logger: Logger
  ) {
    self.configuration = configuration
    self.input = LineInput(descriptor: input, maxLineBytes: configuration.maxLineBytes)
    self.output = LineOutput(descriptor: output)
    self.time = time
    self.logger = logger
    var http = HTTPClientConfiguration()
    http.certificateAuthorityFile = configuration.certificateAuthorityFile
    // Shorter than servers keep them: a call is not to be sent on a connection that is just being closed.
    http.maxIdleTime = .seconds(20)
    exchange = BridgeExchange(configuration: configuration, client: HTTPClient(configuration: http, logger: logger), time: time)
    (actions, sink) = AsyncStream.makeStream()
    (room, hasRoom) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Runs until the input has ended and what is under way is answered, or has had its time.
  package func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.readInput() }
      // What ends a task before its time, by its number.
      var leaving: [Int: AsyncStream<Never>.Continuation] = [:]
      actions: for await action in actions {
        switch action {
        case .end: break actions
        case .close(let number): leaving.removeValue(forKey: number)?.finish()
        case .post(let outgoing):
          let left = Self.door(outgoing.number, &leaving)
          group.addTask { await self.carry(outgoing, until: left) }
        case .listen(let listening):
          let left = Self.door(listening.number, &leaving)
          group.addTask { await Self.race(left) { await self.listen(listening) } }
        case .write(let line):
          group.addTask {
            await self.write(line)
            self.tell { $0.written(line) }
          }
        case .note(let text): logger.notice("\(text)")
        case .endAfter(let grace): group.addTask { await self.wait(grace) }
        }
      }
      output.abandon()
      group.cancelAll()
    }
    if let headers = machine.withLockedValue({ $0.farewell }), !Task.isCancelled { await exchange.end(headers) }
    await exchange.client.shutdown()
  }

  /// The process is to end soon.
  package func stop() { tell { $0.ending(grace: self.configuration.stopGrace) } }

  private func tell(_ event: (inout BridgeMachine) -> [BridgeMachine.Action]) { _ = ask { (nil, event(&$0)) } }

  /// Yielded under the lock, so that actions are carried out in the order in which they were decided.
  /// - Returns: a line that is to be written before anything else is told.
  private func ask(_ event: (inout BridgeMachine) -> (line: [UInt8]?, actions: [BridgeMachine.Action])) -> [UInt8]? {
    machine.withLockedValue { machine in
      let wasFull = machine.isFull
      let (line, actions) = event(&machine)
      for action in actions { sink.yield(action) }
      if wasFull, !machine.isFull { hasRoom.yield() }
      return line
    }
  }

  // MARK: Input and output

  private func readInput() async {
    var room = self.room.makeAsyncIterator()
    for await lines in input.pieces() {
      for line in lines {
        switch line {
        case .text(let bytes): receive(bytes)
        case .tooLong:
          let limit = RPCErrorObject(code: RPCErrorObject.invalidRequest, message: "a line is longer than \(configuration.maxLineBytes) bytes")
          tell { $0.refused(ClientMessage.Refusal(id: nil, error: limit)) }
        }
        while machine.withLockedValue({ $0.isFull }) { if await room.next() == nil { return } }
      }
      input.readOn()
    }
    if !Task.isCancelled { tell { $0.ending(grace: self.configuration.inputGrace) } }
  }

  private func receive(_ line: [UInt8]) {
    let (message, faults) = ClientMessage.read(line)
    for fault in faults { tell { $0.refused(fault) } }
    if let message { tell { $0.received(message) } }
  }

  private func write(_ line: [UInt8]) async {
    if await !output.write(line) { tell { $0.outputFailed() } }
  }

  // MARK: Messages

  private func carry(_ outgoing: BridgeMachine.Outgoing, until left: AsyncStream<Never>) async {
    await Self.race(left) {
      let outcome = await self.exchange.post(outgoing) { await self.hand(over: $0, of: outgoing.number) }
      // Whoever has left wants no answer.
      if Task.isCancelled { return }
      if let line = self.ask({ $0.posted(outgoing.number, outcome) }) { await self.write(line) }
    }
    tell { $0.finished(outgoing.number) }
  }

  private func hand(over heard: BridgeExchange.Heard, of number: Int) async {
    switch heard {
    case .line(let line): await write(line)
    case .answer(let answer): if !Task.isCancelled, let line = ask({ $0.partly(number, answer) }) { await write(line) }
    }
  }

  private func listen(_ listening: BridgeMachine.Listening) async {
    var policy = ListenPolicy()
    var place = BridgeExchange.Place()
    while !Task.isCancelled {
      let outcome = await exchange.listen(listening.headers, &place) { await self.hand(over: $0, of: listening.number) }
      if Task.isCancelled { return }
      switch policy.next(after: outcome, random: .random(in: 0..<1)) {
      case .again(let pause): try? await time.sleep(until: time.now() + pause)
      case .sessionLost: return tell { $0.listenerLost(listening.number) }
      case .stop:
        if case .refused(let status) = outcome { logger.info("the server offers no event stream", metadata: ["status": "\(status)"]) }
        return
      }
    }
  }

  private func wait(_ grace: Duration) async {
    do { try await time.sleep(until: time.now() + grace) } catch { return }
    tell { $0.graceEnded() }
  }

  // MARK: Leaving

  private static func door(_ number: Int, _ leaving: inout [Int: AsyncStream<Never>.Continuation]) -> AsyncStream<Never> {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    leaving[number] = continuation
    return stream
  }

  /// Runs `body` until it returns, or until `left` is finished.
  private static func race(_ left: AsyncStream<Never>, _ body: @escaping @Sendable () async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
      // Two children, the first to end cancels the other, and both are awaited.
      group.addTask { await body() }
      group.addTask { for await _ in left {} }
      await group.next()
      group.cancelAll()
    }
  }
}
