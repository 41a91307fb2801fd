import Testing

@testable import WeirHTTPClient

@Suite("Requests", .timeLimit(.minutes(5)))
struct RequestTests {
  @Test(
    "a header that would change the message is refused, and nothing is sent",
    arguments: [
      ("X-A", "b\r\nX-Evil: 1"), ("X-A", "b\nX-Evil: 1"), ("X-A", "b\rX-Evil: 1"), ("X-A", "b\u{0}c"), ("X-A", "b\u{7F}"), ("X-A", "\u{1B}"),
      ("", "b"), ("X A", "b"), ("X:A", "b"), ("X-A\r\n", "b"), ("X-\u{E9}", "b"), ("X-A;", "b"), ("X\u{0}", "b"),
      ("Host", "other"), ("content-length", "3"), ("Transfer-Encoding", "chunked"), ("CONNECTION", "close"), ("Expect", "100-continue"),
    ])
  func injection(name: String, value: String) async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer()
    } body: { server in
      try await withClient { client in
        let request = HTTPRequest(url: server.url, headers: [(name: name, value: value)])
        let error = await #expect(throws: HTTPClientError.self) { try await client.send(request) }
        #expect(error?.code == .invalidRequest)
        #expect(error?.message.contains("Evil") == false)
        #expect(server.connectionsOpened == 0)
      }
    }
  }

  @Test(
    "a URL that is not plain http or https is refused",
    arguments: [
      "", "mcp", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http:/127.0.0.1/", "http:///x", "http://", "//127.0.0.1/",
      "http://user:secret@127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1\\@evil/", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y",
      "http://127.0.0.1/\u{0}", "http://127.0.0.1/\u{E9}", "http://127.0.0.1:99999/", "http://127.0.0.1:abc/", " http://127.0.0.1/",
    ])
  func urls(url: String) async throws {
    try await withClient { client in
      let error = await #expect(throws: HTTPClientError.self) { try await client.send(HTTPRequest(url: url)) }
      #expect(error?.code == .invalidRequest)
      #expect(error?.message.contains("secret") == false)
    }
  }

  @Test("the scheme of a URL may be written in either case", arguments: ["HTTP", "hTtP"])
  func schemes(scheme: String) async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer()
    } body: { server in
      try await withClient { client in
        let url = scheme + server.url.dropFirst("http".count)
        let response = try await client.send(HTTPRequest(url: url))
        #expect(response.head.status == 200)
      }
    }
  }

  @Test("a method that is no token, or no method for a client, is refused", arguments: ["", "GE T", "GET\r\n", "CONNECT", "TRACE", "G\u{0}"])
  func methods(method: String) async throws {
    try await withClient { client in
      let request = HTTPRequest(method: method, url: "http://127.0.0.1:1/")
      let code = try await failure(of: { try await client.send(request) })
      #expect(code == .invalidRequest)
    }
  }

  @Test(
    "header values reach the server byte for byte", arguments: ["a", "a: b", "\u{20AC} euro", "tab\tinside", "=?base64?aGk=?=", "a;b", "a,b , c"])
  func values(value: String) async throws {
    try await ScriptedServer.run { _, connection in
      connection.answer()
    } body: { server in
      try await withClient { client in
        _ = try await client.send(HTTPRequest(url: server.url, headers: [(name: "X-Value", value: value)])).body.collect(upTo: 100)
        #expect(server.requests.first?.values(of: "x-value") == [value])
      }
    }
  }

  @Test("a large body arrives whole", arguments: [1, 65_535, 4 * 1024 * 1024])
  func largeBody(size: Int) async throws {
    try await ScriptedServer.run { request, connection in
      connection.answer("\(request.body.count)")
    } body: { server in
      try await withClient { client in
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let response = try await client.send(HTTPRequest(method: "POST", url: server.url, body: body))
        #expect(text(try await response.body.collect(upTo: 100)) == "\(size)")
        #expect(server.requests.first?.body == body)
      }
    }
  }

  @Test("field names of a response compare as ASCII without regard to case, and by bytes")
  func lookup() {
    let headers = HTTPHeaders([("Content-Type", "a"), ("X-K", "b"), ("x-k", "c"), ("\u{212A}", "kelvin")])
    #expect(headers.first("CONTENT-TYPE") == "a")
    #expect(headers.all("X-k") == ["b", "c"])
    #expect(headers.first("K") == nil)
    #expect(headers.first("k") == nil)
    #expect(headers.first("Content-Typ") == nil)
    #expect(!HTTPHeaders.isSame("@", "`"))
    #expect(!HTTPHeaders.isSame("[", "{"))
  }

  @Test("requests one after the other take nothing from each other: method, URL, header lines and body are their own")
  func oneAfterTheOther() async throws {
    let requests: [(method: String, path: String, headers: [(name: String, value: String)], body: String)] = [
      ("POST", "/a", [("X-Key", "one")], "1"), ("POST", "/a", [("X-Key", "one")], "1"), ("POST", "/a", [("X-Key", "two")], "22"),
      ("DELETE", "/a", [("X-Key", "two")], ""), ("POST", "/a", [("X-Key", "two")], "22"), ("POST", "/a", [], ""),
      ("GET", "/a", [], ""), ("POST", "/b", [("x-key", "two")], "3"), ("PUT", "/b", [("x-key", "two")], "333"),
      ("POST", "/b", [("x-key", "two"), ("X-More", "m")], "3"), ("HEAD", "/a", [("X-Key", "one")], ""), ("POST", "/a", [("X-Key", "one")], "1"),
      ("DELETE", "/a", [("X-Key", "one")], "5"), ("POST", "/a", [("X-Key", "e\u{301}")], "4"), ("POST", "/a", [("X-Key", "\u{E9}")], "4"),
    ]
    try await ScriptedServer.run { _, connection in
      connection.answer("")
    } body: { server in
      try await withClient { client in
        for request in requests {
          let sent = HTTPRequest(
            method: request.method, url: server.url + request.path, headers: request.headers, body: Array(request.body.utf8))
          _ = try await client.send(sent).body.collect(upTo: 100)
        }
      }
      #expect(server.connectionsOpened == 1)
      #expect(
        server.requests.map { $0.line.split(separator: " ").prefix(2) } == requests.map { [Substring($0.method), Substring("/mcp\($0.path)")] })
      #expect(server.requests.map(\.body) == requests.map { Array($0.body.utf8) })
      let names = ["x-key", "x-more"]
      let seen = server.requests.map { request in names.flatMap { name in request.values(of: name).map { Array($0.utf8) } } }
      #expect(seen == requests.map { request in request.headers.map { Array($0.value.utf8) } })
    }
  }
}
