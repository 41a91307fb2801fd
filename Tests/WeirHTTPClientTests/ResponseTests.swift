import NIOCore
import Testing

@testable import WeirHTTPClient

@Suite("Responses", .timeLimit(.minutes(5)))
struct ResponseTests {
  @Test("a request reaches the server as it was given, and its JSON answer comes back")
  func json() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer(#"{"ok":true}"#)
    } body: { server in
      try await withClient { client in
        let body = Array(#"{"jsonrpc":"2.0"}"#.utf8)
        let headers = [(name: "Accept", value: "application/json, text/event-stream"), (name: "X-Empty", value: "")]
        let response = try await client.send(HTTPRequest(method: "POST", url: server.url, headers: headers, body: body))
        #expect(response.head.status == 200)
        #expect(response.head.headers.first("content-TYPE") == "application/json")
        #expect(text(try await response.body.collect(upTo: 1000)) == #"{"ok":true}"#)
        let request = try #require(server.requests.first)
        #expect(request.line == "POST /mcp HTTP/1.1")
        #expect(request.body == body)
        #expect(Set(request.lines.dropFirst().map { $0.prefix { $0 != ":" }.lowercased() }) == ["host", "accept", "x-empty", "content-length"])
        #expect(request.values(of: "accept") == ["application/json, text/event-stream"])
        #expect(request.values(of: "x-empty") == [""])
      }
    }
  }

  @Test("every method keeps its name and its framing", arguments: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"], [0, 5])
  func methods(method: String, length: Int) async throws {
    if method == "HEAD", length > 0 { return }
    try await ScriptedServer.run { request, connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (request.line.hasPrefix("HEAD") ? "" : "ok"))
    } body: { server in
      try await withClient { client in
        for _ in 0..<2 {
          let response = try await client.send(HTTPRequest(method: method, url: server.url, body: Array(repeating: 0x61, count: length)))
          #expect(try await response.body.collect(upTo: 10).count == (method == "HEAD" ? 0 : 2))
        }
        #expect(server.requests.map(\.line) == ["\(method) /mcp HTTP/1.1", "\(method) /mcp HTTP/1.1"])
        #expect(server.requests.allSatisfy { $0.body.count == length })
        #expect(server.connectionsOpened == 1)
      }
    }
  }

  @Test("a chunked answer is put together and ends where its last chunk says")
  func chunked() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nTrailer: 1\r\n\r\n")
    } body: { server in
      try await withClient { client in
        for _ in 0..<2 {
          let response = try await client.send(HTTPRequest(url: server.url))
          #expect(text(try await response.body.collect(upTo: 1000)) == "hello, world")
          #expect(response.head.headers.all("trailer") == [])
        }
        #expect(server.connectionsOpened == 1)
      }
    }
  }

  @Test("an event stream is handed on at every byte boundary, each byte as it arrives")
  func trickled() async throws {
    let events = Array(": hello\r\nid: 1\r\nevent: message\r\ndata: {\"\u{20AC}\":\"\u{1F4B6}\"}\r\n\r\n".utf8)
    let (connections, arrival) = AsyncStream.makeStream(of: Connection.self)
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
      arrival.yield(connection)
    } body: { server in
      try await withClient { client in
        let iterator = try await client.send(HTTPRequest(url: server.url)).body.makeAsyncIterator()
        let connection = try #require(await connections.first { _ in true })
        for byte in events {
          connection.send([byte])
          let piece = try await iterator.next()
          #expect(piece == [byte])
        }
        connection.close()
        let end = try await iterator.next()
        #expect(end == nil)
      }
    }
  }

  @Test("a chunked answer cut in two at any byte, head included, reads the same")
  func everySplit() async throws {
    let whole = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\r\n\r\n2\r\nb\n\r\n0\r\n\r\n".utf8)
    try await ScriptedServer.run { request, connection in
      let split = Int(request.values(of: "split").first ?? "") ?? 0
      connection.trickle([Array(whole[..<split]), Array(whole[split...])].filter { !$0.isEmpty }, every: .milliseconds(1))
    } body: { server in
      try await withClient { client in
        for split in 0...whole.count {
          let response = try await client.send(HTTPRequest(url: server.url, headers: [(name: "split", value: "\(split)")]))
          #expect(text(try await response.body.collect(upTo: 100)) == "a\r\nb\n", "split at \(split)")
        }
        #expect(server.connectionsOpened == 1)
      }
    }
  }

  @Test("send returns with the head, before the body has begun")
  func headFirst() async throws {
    try await ScriptedServer.run { request, connection in
      if request.line.contains("/go") { return connection.answer() }
      connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url))
        #expect(response.head.status == 200)
      }
    }
  }

  @Test("interim answers are skipped")
  func interim() async throws {
    try await ScriptedServer.run { _, connection in
      connection.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
      connection.answer("done", headers: "X-Last: yes\r\n")
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url))
        #expect(response.head.status == 200)
        #expect(response.head.headers.first("x-last") == "yes")
        #expect(response.head.headers.first("link") == nil)
        #expect(text(try await response.body.collect(upTo: 10)) == "done")
      }
    }
  }

  @Test(
    "a redirect is an answer and not followed",
    arguments: ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
  func redirect(status: String) async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer("", status: status, headers: "Location: /elsewhere\r\n")
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url))
        #expect(response.head.status == Int(status.prefix(3)))
        #expect(response.head.headers.first("Location") == "/elsewhere")
        #expect(try await response.body.collect(upTo: 10).isEmpty)
        #expect(server.requests.count == 1)
      }
    }
  }

  @Test("cookies are not kept and compressed answers are not asked for or undone")
  func nothingKept() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer("not gzip", headers: "Set-Cookie: a=b\r\nContent-Encoding: gzip\r\n")
    } body: { server in
      try await withClient { client in
        for _ in 0..<2 {
          let answer = try await client.send(HTTPRequest(url: server.url)).body.collect(upTo: 100)
          #expect(text(answer) == "not gzip")
        }
        #expect(server.requests.allSatisfy { $0.values(of: "cookie").isEmpty && $0.values(of: "accept-encoding").isEmpty })
      }
    }
  }

  @Test("a body has one consumer")
  func oneConsumer() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer("once")
    } body: { server in
      try await withClient { client in
        let response = try await client.send(HTTPRequest(url: server.url))
        #expect(text(try await response.body.collect(upTo: 100)) == "once")
        let code = try await failure(of: { try await response.body.collect(upTo: 100) })
        #expect(code == .alreadyConsumed)
      }
    }
  }

  @Test("a proxy is used where one is configured")
  func proxy() async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer("by proxy")
    } body: { server in
      try await withClient({ $0.proxy = "http://127.0.0.1:\(server.port)" }) { client in
        let response = try await client.send(HTTPRequest(url: "http://upstream.invalid/mcp"))
        #expect(text(try await response.body.collect(upTo: 100)) == "by proxy")
        #expect(server.requests.first?.line == "GET http://upstream.invalid/mcp HTTP/1.1")
      }
    }
  }
}
