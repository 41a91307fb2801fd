import Testing

@testable import WeirServer

@Suite("Large answers (issue 2)", .timeLimit(.minutes(5)))
struct LargeAnswerTests {
  private static let end = #","resultType":"complete"}}"#

  /// The members that a modern request needs, with a progress token: it is answered by an event stream.
  private static func streamed(_ tool: String) -> String {
    RunningFront.modern("tools/call", name: tool).replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":5,"io"#).fixingLength
  }

  @Test("answers that nobody reads are bounded over all connections, and those who read get theirs", arguments: ["huge", "hugeLater"])
  func answerBudget(tool: String) async throws {
    try await RunningFront.with {
      $0.limits.maxBufferedAnswerBytes = 16 << 20
      $0.limits.answerPatience = .seconds(1)
    } _: { running in
      var idlers: [WireClient] = []
      for _ in 0..<4 {
        let client = try await WireClient.connect(running.port, reading: false, receiveBuffer: 4096)
        await client.send(RunningFront.modern("tools/call", name: tool))
        idlers.append(client)
        #expect(running.front.stats.bufferedAnswerBytes <= 16 << 20)
      }
      while running.front.stats.refused[.memory, default: 0] == 0 { try await Task.sleep(for: .milliseconds(5)) }
      // Refused until enough of those who do not read have lost their answers.
      var reader = try await running.modern("tools/call", name: tool)
      for _ in 0..<200 where reader.body.utf8.count <= 7 << 20 {
        try await Task.sleep(for: .milliseconds(50))
        reader = try await running.modern("tools/call", name: tool)
      }
      #expect(reader.status == 200)
      #expect(reader.body.utf8.count > 7 << 20)
      for client in idlers { await client.close() }
      while running.front.stats.connections > 0 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(running.front.stats.bufferedAnswerBytes == 0)
    }
  }

  @Test("an answer that many get counts once, and all of them get it whole", arguments: [false, true])
  func shared(isStreamed: Bool) async throws {
    try await RunningFront.with {
      $0.limits.maxBufferedAnswerBytes = 16 << 20
    } _: { running in
      let request = isStreamed ? Self.streamed("sharedLater") : RunningFront.modern("tools/call", name: "shared")
      var clients: [WireClient] = []
      for _ in 0..<10 {
        let client = try await WireClient.connect(running.port, reading: false, receiveBuffer: 65_536)
        await client.send(request)
        clients.append(client)
      }
      while running.gateway.received.count < 10 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(running.front.stats.bufferedAnswerBytes > 7 << 20)
      for client in clients { await client.read() }
      for client in clients {
        #expect(await client.receive(ending: isStreamed ? "}}\n\n\r\n0\r\n\r\n" : Self.end) > 7 << 20)
        #expect(client.received.suffix(200).contains("weir/cache"))
      }
      #expect(running.front.stats.refused[.memory] == nil)
      for client in clients { await client.close() }
      while running.front.stats.connections > 0 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(running.front.stats.bufferedAnswerBytes == 0)
    }
  }

  @Test("where there is no room, the new answer is refused in words, and nobody who reads is cut")
  func noRoom() async throws {
    try await RunningFront.with {
      $0.limits.maxBufferedAnswerBytes = 16 << 20
      $0.limits.answerPatience = .seconds(3600)
    } _: { running in
      let slow = try await WireClient.connect(running.port, reading: false, receiveBuffer: 4096)
      await slow.send(RunningFront.modern("tools/call", name: "huge"))
      while running.front.stats.bufferedAnswerBytes < 7 << 20 { try await Task.sleep(for: .milliseconds(5)) }
      let late = try await running.modern("tools/call", name: "huge")
      #expect(late.status == 200)
      #expect(late.body.contains("too many large answers wait"))
      #expect(late.body.contains(#""isError":true"#))
      await slow.read()
      #expect(await slow.receive(ending: Self.end) > 7 << 20)
    }
  }

  @Test("who sends no more still gets the whole answer, and then the end")
  func halfClosed() async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port, reading: false, receiveBuffer: 4096)
      await client.send(RunningFront.modern("tools/call", name: "shared"))
      while running.front.stats.bufferedAnswerBytes == 0 { try await Task.sleep(for: .milliseconds(5)) }
      await client.finish()
      await client.read()
      #expect(WireResponse(text: await client.receiveAll()).isComplete)
    }
  }
}
