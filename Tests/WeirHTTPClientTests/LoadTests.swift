import NIOCore
import Testing

@testable import WeirHTTPClient

@Suite("Load", .timeLimit(.minutes(5)), .serialized)
struct LoadTests {
  @Test("a thousand requests one after the other use one connection")
  func keepAlive() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer(#"{"ok":true}"#)
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(method: "POST", url: server.url, body: Array("{}".utf8))
        let start = ContinuousClock.now
        for _ in 0..<1000 { try await exchange(request, client) }
        report("sequential", 1000, ContinuousClock.now - start)
        #expect(server.connectionsOpened == 1)
        #expect(client.statistics.connectionsOpened == 1)
        #expect(client.statistics.transfersStarted == 1000)
      }
    }
  }

  @Test("thousands of requests, 32 at a time, use few connections")
  func concurrent() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer(#"{"ok":true}"#)
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(method: "POST", url: server.url, body: Array("{}".utf8))
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<32 {
            group.addTask { for _ in 0..<200 { try await exchange(request, client) } }
          }
          try await group.waitForAll()
        }
        report("32 concurrent", 6400, ContinuousClock.now - start)
        #expect(server.connectionsOpened <= 64)
        #expect(server.requests.count == 6400)
      }
    }
  }

  @Test("two hundred requests at once are all in flight at once, and each gets its own answer")
  func twoHundred() async throws {
    try await ScriptedServer.run { request, connection in
      connection.after(.milliseconds(100)) { connection.answer(text(request.body)) }
    } body: { server in
      try await withClient { client in
        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
          for index in 0..<200 {
            group.addTask {
              let request = HTTPRequest(method: "POST", url: server.url, body: Array("answer \(index)".utf8))
              return (index, text(try await client.send(request).body.collect(upTo: 100)))
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 200)
        #expect(answers.allSatisfy { $0.1 == "answer \($0.0)" })
        #expect(server.connectionsOpened == 200)
      }
    }
  }

  @Test("one transfer more than allowed is refused, and room is made again when one ends")
  func overloaded() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\n\r\ndata")
    } body: { server in
      try await withClient({ $0.maxTransfers = 3 }) { client in
        var held: [HTTPResponse] = []
        for _ in 0..<3 { held.append(try await client.send(HTTPRequest(url: server.url))) }
        let code = try await failure(of: { try await client.send(HTTPRequest(url: server.url)) })
        #expect(code == .overloaded)
        held.removeFirst()
        await server.connectionsClosed(atLeast: 1)
        while client.statistics.transfersEnded < 1, !Task.isCancelled { await Task.yield() }
        #expect(try await client.send(HTTPRequest(url: server.url)).head.status == 200)
      }
    }
  }

  @Test("a slow consumer holds the server back: 100 MB pass through a bounded buffer, and silence that is ours is no idle server")
  func slowConsumer() async throws {
    let total = 100 * 1024 * 1024
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
      connection.flood(ByteBuffer(repeating: 0x78, count: 1024 * 1024), count: 100)
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(url: server.url, idleTimeout: .milliseconds(1500), maxBodyBytes: total)
        let response = try await client.send(request)
        var received = 0
        var pieces = 0
        for try await piece in response.body {
          received += piece.count
          pieces += 1
          #expect(piece.count <= 256 * 1024)
          // The longer pause is the consumer's own slowness, longer than the server may be idle.
          if pieces == 5 { try await Task.sleep(for: .milliseconds(2500)) } else { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(received == total)
        #expect(client.statistics.peakBufferedBytes <= 256 * 1024)
        #expect(client.statistics.pauses > 100)
      }
    }
  }

  @Test("a paused transfer that nobody reads runs into the total timeout and leaves on cancellation")
  func pausedForever() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\n\r\n")
      connection.flood(ByteBuffer(repeating: 0x78, count: 1024 * 1024), count: 1000)
    } body: { server in
      try await withClient({ $0.maxBufferedBytes = 1 }) { client in
        let response = try await client.send(
          HTTPRequest(url: server.url, idleTimeout: .milliseconds(50), totalTimeout: .seconds(1), maxBodyBytes: .max))
        await server.connectionsClosed(atLeast: 1)
        #expect(client.statistics.peakBufferedBytes <= 16 * 1024)
        let iterator = response.body.makeAsyncIterator()
        #expect(try await iterator.next()?.isEmpty == false)
        let code = try await failure(of: { try await iterator.next() })
        #expect(code == .timedOut(.total))
      }
    }
  }

  private func exchange(_ request: HTTPRequest, _ client: HTTPClient) async throws {
    let body = try await client.send(request).body.collect(upTo: 100)
    #expect(text(body) == #"{"ok":true}"#)
  }

  private func report(_ name: String, _ count: Int, _ duration: Duration) {
    print("HTTP client on loopback, \(name): \(Int(Double(count) / (duration / .seconds(1)))) requests/s")
  }
}
