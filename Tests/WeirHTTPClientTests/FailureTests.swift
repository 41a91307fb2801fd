import NIOCore
import Testing

@testable import WeirHTTPClient

@Suite("Failures", .timeLimit(.minutes(5)))
struct FailureTests {
  @Test("a server that does not answer runs into the head timeout, and the connection is closed")
  func slowHead() async throws {
    try await ScriptedServer.run { _, _ in
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(url: server.url, headTimeout: .milliseconds(100))
        let code = try await failure(of: { try await client.send(request) })
        #expect(code == .timedOut(.head))
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("a head that drips in does not outlive the head timeout")
  func drippedHead() async throws {
    try await ScriptedServer.run { _, connection in
      connection.trickle(Array(repeating: Array("X".utf8), count: 1000), every: .milliseconds(5))
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(url: server.url, headTimeout: .milliseconds(150), idleTimeout: .milliseconds(50))
        let code = try await failure(of: { try await client.send(request) })
        #expect(code == .timedOut(.head) || code == .protocolError)
      }
    }
  }

  @Test("a body that stops runs into the idle timeout after what has arrived is delivered")
  func slowBody() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url, idleTimeout: .milliseconds(100)))
        let iterator = response.body.makeAsyncIterator()
        let part = try await iterator.next() ?? []
        #expect(text(part) == "part")
        let code = try await failure(of: { try await iterator.next() })
        #expect(code == .timedOut(.idle))
        let again = try await failure(of: { try await iterator.next() })
        #expect(again == .timedOut(.idle))
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("a stream kept alive by a comment now and then does not run into the idle timeout")
  func keptAlive() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
      connection.trickle(Array(repeating: Array(":\n\n".utf8), count: 140), every: .milliseconds(25)) { connection.close() }
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url, idleTimeout: .seconds(3)))
        #expect(try await response.body.collect(upTo: 1000).count == 420)
      }
    }
  }

  @Test("a body that never ends runs into the total timeout")
  func totalTimeout() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\n\r\n")
      connection.trickle(Array(repeating: [0x2E], count: 10_000), every: .milliseconds(5))
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(url: server.url, totalTimeout: .milliseconds(200))
        let code = try await failure(of: { try await client.send(request).body.collect(upTo: 100_000) })
        #expect(code == .timedOut(.total))
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("limits of any size are limits", arguments: [Duration.seconds(Int64.max), .seconds(Int64.min), .zero, .nanoseconds(1)])
  func strangeLimits(limit: Duration) async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer()
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(url: server.url, headTimeout: limit, idleTimeout: limit, totalTimeout: limit)
        let code = try await failure(of: { try await client.send(request).body.collect(upTo: 100) })
        #expect(limit > .seconds(1) ? code == nil : code == .timedOut(.head) || code == .timedOut(.total))
      }
    }
  }

  @Test(
    "an answer that breaks off is an error and never a shorter answer",
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    ])
  func brokenOff(answer: String) async throws {
    try await ScriptedServer.run { _, connection in
      connection.send(answer)
      connection.close()
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url))
        let iterator = response.body.makeAsyncIterator()
        var received = 0
        let code = try await failure(of: { while let piece = try await iterator.next() { received += piece.count } })
        #expect(code == .closedEarly)
        #expect(received <= 5)
        let again = try await failure(of: { try await iterator.next() })
        #expect(again == .closedEarly)
      }
    }
  }

  @Test("a connection that is closed before the head is complete is an error", arguments: ["", "HTTP/1.1 200 OK\r\nContent-Le"])
  func brokenHead(answer: String) async throws {
    try await ScriptedServer.run { _, connection in
      connection.send(answer)
      connection.close()
    } body: { server in
      try await withClient { client in
        let code = try await failure(of: { try await client.send(HTTPRequest(url: server.url)).body.collect(upTo: 100) })
        #expect(code == .closedEarly)
        #expect(server.requests.count == 1)
      }
    }
  }

  @Test(
    "an answer that is no HTTP/1 is refused",
    arguments: [
      "SSH-2.0-OpenSSH_9.2\r\n\r\n", "<html>hello</html>", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\u{0}c\r\n\r\n", "HTTP/1.1 200 OK\r\nName with space: x\r\n\r\n", "HTTP/2 200\r\n\r\n",
    ])
  func notHTTP(answer: String) async throws {
    try await ScriptedServer.run { _, connection in
      connection.send(answer)
      connection.close()
    } body: { server in
      try await withClient { client in
        let code = try await failure(of: { try await client.send(HTTPRequest(url: server.url)) })
        #expect(code == .protocolError)
      }
    }
  }

  @Test("a body over the limit ends the transfer, declared or not", arguments: ["Content-Length: 5000", "Transfer-Encoding: chunked", "X: y"])
  func oversized(framing: String) async throws {
    try await ScriptedServer.run { _, connection in
      let body = String(repeating: "x", count: 5000)
      connection.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n" + (framing.contains("chunked") ? "1388\r\n\(body)\r\n" : body))
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url, maxBodyBytes: 4999))
        let code = try await failure(of: { try await response.body.collect(upTo: 100_000) })
        #expect(code == .bodyTooLarge)
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("a body of exactly the limit passes; collect has a limit of its own")
  func exactly() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer(String(repeating: "x", count: 5000))
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(url: server.url, maxBodyBytes: 5000)
        #expect(try await client.send(request).body.collect(upTo: 5000).count == 5000)
        let code = try await failure(of: { try await client.send(request).body.collect(upTo: 4999) })
        #expect(code == .bodyTooLarge)
      }
    }
  }

  @Test(
    "response heads have a limit in fields and in bytes",
    arguments: [("A: b\r\n", 101), ("A: b\r\n", 10_000), ("A: " + String(repeating: "b", count: 5000) + "\r\n", 7)])
  func manyHeaders(line: String, count: Int) async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: count) + "Content-Length: 0\r\n\r\n")
    } body: { server in
      try await withClient { client in
        let code = try await failure(of: { try await client.send(HTTPRequest(url: server.url)) })
        #expect(code == .headTooLarge)
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("a folded line counts its bytes, and a head of exactly a hundred fields passes", arguments: [(5000, false), (100, true)])
  func folded(count: Int, passes: Bool) async throws {
    try await ScriptedServer.run { _, connection in
      let fields = String(repeating: "A: b\r\n", count: 99) + String(repeating: " folded\r\n", count: count)
      connection.send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: 0\r\n\r\n")
    } body: { server in
      try await withClient { client in
        let code = try await failure(of: { try await client.send(HTTPRequest(url: server.url)) })
        #expect(code == (passes ? nil : .headTooLarge))
      }
    }
  }

  @Test("interim heads without end run into the same limit")
  func endlessInterim() async throws {
    try await ScriptedServer.run { _, connection in
      connection.flood(ByteBuffer(string: "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"), count: 100_000)
    } body: { server in
      try await withClient { client in
        let code = try await failure(of: { try await client.send(HTTPRequest(url: server.url)) })
        #expect(code == .headTooLarge)
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("trailers without end run into the same limit")
  func endlessTrailers() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n")
      connection.flood(ByteBuffer(string: "A: b\r\n"), count: 100_000)
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url))
        let code = try await failure(of: { try await response.body.collect(upTo: 100) })
        #expect(code == .headTooLarge)
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("a port where nobody listens refuses the connection, and the error names no address")
  func refused() async throws {
    let port = try await ScriptedServer.run { _, _ in
    } body: {
      $0.port
    }
    try await withClient { client in
      let error = await #expect(throws: HTTPClientError.self) {
        try await client.send(HTTPRequest(url: "http://127.0.0.1:\(port)/secret-path?token=abc"))
      }
      #expect(error?.code == .connectFailed)
      #expect(error?.message.contains(/127|secret|abc/) == false)
    }
  }

  @Test("a connection that nobody accepts runs into the connect timeout, in TLS too")
  func connectTimeout() async throws {
    try await ScriptedServer.run { _, _ in
    } body: { server in
      try await withClient { client in
        // The server takes the connection but never answers the TLS hello.
        let request = HTTPRequest(url: "https://127.0.0.1:\(server.port)/", connectTimeout: .milliseconds(150))
        let code = try await failure(of: { try await client.send(request) })
        #expect(code == .timedOut(.connect))
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("a server that does not speak TLS is a TLS error")
  func noTLS() async throws {
    try await ScriptedServer.run(greeting: "HTTP/1.1 400 Bad Request\r\n\r\n") { _, _ in
    } body: { server in
      try await withClient { client in
        let code = try await failure(of: { try await client.send(HTTPRequest(url: "https://127.0.0.1:\(server.port)/")) })
        #expect(code == .tls)
        await server.connectionsClosed(atLeast: 1)
      }
    }
  }

  @Test("a request that must not be sent twice is not, though its reused connection dies", arguments: [false, true])
  func deadConnection(isRepeatable: Bool) async throws {
    try await ScriptedServer.run { request, connection in
      if request.number == 0 { connection.answer() } else { connection.close() }
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(method: "POST", url: server.url, body: [0x7B, 0x7D], isRepeatable: isRepeatable)
        _ = try await client.send(request).body.collect(upTo: 100)
        let code = try await failure(of: { try await client.send(request).body.collect(upTo: 100) })
        #expect(code == (isRepeatable ? nil : .closedEarly))
        #expect(server.requests.count == (isRepeatable ? 3 : 2))
      }
    }
  }
}
