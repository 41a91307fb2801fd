import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import WeirHTTPClient

@Suite("Lifetimes", .timeLimit(.minutes(5)))
struct LifetimeTests {
  private static let endless: ScriptedServer.Script = { _, connection in
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
  }

  /// The time `body` takes.
  private func duration(_ body: () async throws -> Void) async rethrows -> Duration {
    let start = ContinuousClock.now
    try await body()
    return ContinuousClock.now - start
  }

  @Test("cancelling the task that reads a body without end closes the connection at the server within a second")
  func cancelBody() async throws {
    try await ScriptedServer.run(Self.endless) { server in
      try await withClient { client in
        let (pieces, continuation) = AsyncStream.makeStream(of: Void.self)
        let code = try await withThrowingTaskGroup(of: HTTPClientError.Code?.self) { group in
          group.addTask {
            try await failure(of: {
              for try await _ in try await client.send(HTTPRequest(url: server.url)).body { continuation.yield() }
            })
          }
          for await _ in pieces { break }
          group.cancelAll()
          let taken = await duration { await server.connectionsClosed(atLeast: 1) }
          #expect(taken < .seconds(1))
          return try await group.next() ?? nil
        }
        #expect(code == .cancelled)
      }
    }
  }

  @Test("cancelling the task that waits for a head closes the connection at the server within a second")
  func cancelHead() async throws {
    try await ScriptedServer.run { _, _ in
    } body: { server in
      try await withClient { client in
        let code = try await withThrowingTaskGroup(of: HTTPClientError.Code?.self) { group in
          group.addTask { try await failure(of: { try await client.send(HTTPRequest(url: server.url)) }) }
          await server.requests(atLeast: 1)
          group.cancelAll()
          let taken = await duration { await server.connectionsClosed(atLeast: 1) }
          #expect(taken < .seconds(1))
          return try await group.next() ?? nil
        }
        #expect(code == .cancelled)
      }
    }
  }

  @Test("a cancelled task sends nothing")
  func cancelledBefore() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer()
    } body: { server in
      try await withClient { client in
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let code = try await withThrowingTaskGroup(of: HTTPClientError.Code?.self) { group in
          group.addTask {
            for await _ in gate {}
            return try await failure(of: { try await client.send(HTTPRequest(url: server.url)) })
          }
          group.cancelAll()
          open.finish()
          return try await group.next() ?? nil
        }
        #expect(code == .cancelled)
        #expect(server.requests.isEmpty)
      }
    }
  }

  @Test("a response that is dropped unread closes its connection")
  func dropResponse() async throws {
    try await ScriptedServer.run(Self.endless) { server in
      try await withClient { client in
        let status = try await client.send(HTTPRequest(url: server.url)).head.status
        #expect(status == 200)
        let taken = await duration { await server.connectionsClosed(atLeast: 1) }
        #expect(taken < .seconds(1))
      }
    }
  }

  @Test("leaving the loop over a body closes its connection, though the response is still held")
  func dropIterator() async throws {
    try await ScriptedServer.run(Self.endless) { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url))
        for try await piece in response.body {
          #expect(text(piece) == "data: 1\n\n")
          break
        }
        let taken = await duration { await server.connectionsClosed(atLeast: 1) }
        #expect(taken < .seconds(1))
        withExtendedLifetime(response) {}
      }
    }
  }

  @Test("an iterator outlives its body and its response")
  func iteratorAlone() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo")
      connection.after(.milliseconds(30)) { connection.send("ur") }
    } body: { server in
      try await withClient { client in
        let iterator = try await client.send(HTTPRequest(url: server.url)).body.makeAsyncIterator()
        var received: [UInt8] = []
        while let piece = try await iterator.next() { received += piece }
        #expect(text(received) == "four")
      }
    }
  }

  @Test("shutdown fails what is in flight, closes every connection and returns; afterwards nothing is sent")
  func shutdown() async throws {
    let script: ScriptedServer.Script = { request, connection in
      if request.line.contains("stream") { Self.endless(request, connection) }
    }
    try await ScriptedServer.run(script) { server in
      let client = HTTPClient(logger: quiet)
      let codes = try await withThrowingTaskGroup(of: HTTPClientError.Code?.self) { group in
        for index in 0..<40 {
          let url = server.url + (index.isMultiple(of: 2) ? "/stream" : "/silent")
          group.addTask { try await failure(of: { try await client.send(HTTPRequest(url: url)).body.collect(upTo: 1000) }) }
        }
        await server.requests(atLeast: 40)
        let taken = await duration { await client.shutdown() }
        #expect(taken < .seconds(1))
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(codes == Array(repeating: .shutDown, count: 40))
      await server.allClosed()
      let code = try await failure(of: { try await client.send(HTTPRequest(url: server.url)) })
      #expect(code == .shutDown)
      await client.shutdown()
      #expect(client.statistics.transfersEnded == client.statistics.transfersStarted)
    }
  }

  @Test("dropping a client ends it: its connections close and its transfers fail")
  func dropClient() async throws {
    try await ScriptedServer.run(Self.endless) { server in
      var client: HTTPClient? = HTTPClient(logger: quiet)
      let response = try #require(try await client?.send(HTTPRequest(url: server.url)))
      #expect(server.connectionsOpened == 1)
      client = nil
      let code = try await failure(of: { try await response.body.collect(upTo: 1000) })
      #expect(code == .shutDown)
      await server.allClosed()
    }
  }

  @Test("clients that come and go leave no thread behind")
  func noThreads() async throws {
    let before = try threads()
    for _ in 0..<200 { _ = HTTPClient(logger: quiet) }
    for _ in 0..<200 { await HTTPClient(logger: quiet).shutdown() }
    // The last threads are told to end and not waited for.
    let deadline = ContinuousClock.now + .seconds(10)
    while try threads() > before + 20, ContinuousClock.now < deadline { await Task.yield() }
    #expect(try threads() <= before + 20)
  }

  @Test("every send returns exactly once, however requests, answers and cancellations race")
  func races() async throws {
    let script: ScriptedServer.Script = { request, connection in
      let kind = Int(request.values(of: "kind").first ?? "") ?? 0
      switch kind {
      case 0: connection.answer("whole")
      case 1: connection.after(.microseconds(Int64.random(in: 0...3000))) { connection.answer("late") }
      case 2: connection.send("HTTP/1.1 200 OK\r\n\r\nendless")
      case 3: connection.close()
      case 4:
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbro")
        connection.after(.microseconds(Int64.random(in: 0...2000))) { connection.close() }
      default: break
      }
    }
    try await ScriptedServer.run(script) { server in
      try await withClient { client in
        let outcomes = NIOLockedValueBox<[String: Int]>([:])
        try await withThrowingTaskGroup(of: Void.self) { group in
          for index in 0..<3000 {
            if index >= 64 { try await group.next() }
            group.addTask { await raceOnce(client, server.url, outcomes) }
          }
          try await group.waitForAll()
        }
        let counts = outcomes.withLockedValue { $0 }
        #expect(counts.values.reduce(0, +) == 3000)
        #expect((counts["whole"] ?? 0) > 100)
        #expect((counts["cancelled"] ?? 0) > 100)
        #expect((counts["closedEarly"] ?? 0) > 100)
        #expect(Set(counts.keys).subtracting(["whole", "late", "cancelled", "closedEarly", "dropped"]) == [])
        // The last cancellations may still be on their way to the driver.
        while client.statistics.transfersEnded < client.statistics.transfersStarted, !Task.isCancelled { await Task.yield() }
      }
      await server.allClosed()
    }
  }
}

/// One request of a random kind, cancelled at a random moment or never.
private func raceOnce(_ client: HTTPClient, _ url: String, _ outcomes: NIOLockedValueBox<[String: Int]>) async {
  let kind = Int.random(in: 0...5)
  let request = HTTPRequest(url: url, headers: [(name: "kind", value: "\(kind)")])
  let mustCancel = kind == 2 || kind == 5 || Bool.random()
  let outcome = await withTaskGroup(of: String?.self) { group in
    group.addTask {
      do {
        let response = try await client.send(request)
        if Int.random(in: 0..<10) == 0 { return "dropped" }
        return text(try await response.body.collect(upTo: 1000))
      } catch let error as HTTPClientError {
        return "\(error.code)"
      } catch {
        return "\(error)"
      }
    }
    if mustCancel {
      group.addTask {
        try? await Task.sleep(for: .microseconds(Int.random(in: 0...3000)))
        return nil
      }
    }
    var outcome: String?
    while let next = await group.next() {
      if let next { outcome = next } else { group.cancelAll() }
    }
    return outcome ?? "none"
  }
  outcomes.withLockedValue { $0[outcome, default: 0] += 1 }
}
