import Testing
import WeirCore

@testable import WeirServer

@Suite("The guard on the wire", .timeLimit(.minutes(5)))
struct GuardWireTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let what: String
    let bytes: String
    let status: Int
    var testDescription: String { what }

    init(_ what: String, _ bytes: String, _ status: Int = 400) {
      self.what = what
      self.bytes = bytes
      self.status = status
    }
  }

  private static let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\n"

  static let rows: [Row] = [
    Row("Transfer-Encoding and Content-Length", head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    Row("two lengths, the same", head + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    Row("two lengths that differ", head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
    Row("list of lengths", head + "Content-Length: 1, 1\r\n\r\nx"),
    Row("signed length", head + "Content-Length: +1\r\n\r\nx"),
    Row("xchunked", head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    Row("chunked, identity", head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    Row("gzip, chunked", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    Row("two Transfer-Encodings", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Row("chunked on HTTP/1.0", "POST /mcp HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Row("bare line feeds", "POST /mcp HTTP/1.1\nHost: localhost\n\n"),
    Row("folded header", head + "X: a\r\n b\r\n\r\n"),
    Row("space before the colon", head + "X : a\r\n\r\n"),
    Row("NUL in a header", head + "X: a\0b\r\n\r\n"),
    Row("bare CR in a header", head + "X: a\rb\r\n\r\n"),
    Row("DEL in a header", head + "X: a\u{7F}b\r\n\r\n"),
    Row("unknown method", "BREW /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Row("method not used here", "PROPFIND /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    Row("TRACE", "TRACE /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    Row("HTTP/9.9", "POST /mcp HTTP/9.9\r\nHost: localhost\r\n\r\n"),
    Row("chunk size overflow", head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
    Row("1,100 headers", head + String(repeating: "a: b\r\n", count: 1100) + "\r\n", 431),
    Row("100 KB header", head + "a: " + String(repeating: "b", count: 100_000) + "\r\n\r\n", 431),
    Row("100 KB target", "GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    Row("no Host", "POST /mcp HTTP/1.1\r\n\r\n"),
    Row("two Hosts", head + "Host: evil.example\r\n\r\n"),
    Row("absolute form", "POST http://evil.example/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Row("two slashes", "GET //healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Row("64 KiB chunk extension", head + "Transfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 65_536)),
    Row("other expectation", head + "Expect: foo\r\nContent-Length: 1\r\n\r\n", 417),
    Row("length over the limit", head + "Content-Length: 999999999999999999\r\n\r\nx", 413),
    Row("body over the limit", head + "Content-Length: 70000\r\n\r\nx", 413),
    Row(
      "endless chunks",
      head + "Transfer-Encoding: chunked\r\n\r\n" + String(repeating: "4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n", count: 5), 413),
    Row("TLS hello", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}", 400),
    Row("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ]

  @Test("what is ambiguous or too large is refused, and the connection closed", arguments: rows)
  func refused(_ row: Row) async throws {
    try await RunningFront.with({ $0.limits.maxBodyBytes = 65_536 }) { running in
      let client = try await WireClient.connect(running.port)
      await client.send(row.bytes)
      // A smuggled request must not be answered.
      await client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let text = await client.receiveAll()
      let response = WireResponse(text: text)
      #expect(response.status == row.status, "\(row.what): \(text)")
      #expect(response.header("connection") == "close")
      #expect((response.header("allow") != nil) == (row.status == 405))
      #expect(text.components("content-length:") == 1, "\(text)")
    }
  }

  @Test("100-continue is answered, and only then is the body awaited")
  func continues() async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port)
      let request = RunningFront.modern("tools/list", ["Expect": "100-continue"])
      let end = try #require(request.firstRange(of: "\r\n\r\n")).upperBound
      await client.send(String(request[..<end]))
      await client.receive { $0 == "HTTP/1.1 100 Continue\r\n\r\n" }
      #expect(!client.isClosed)
      await client.send(String(request[end...]))
      #expect(await client.response().status == 200)
    }
  }

  /// Sends a byte every 20 ms over a connection, while `work` runs.
  private static func dripping(on client: WireClient, _ work: () async -> Void) async {
    let drip = Task {
      while !Task.isCancelled {
        await client.send("a")
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    defer { drip.cancel() }
    await work()
  }

  // Each time limit has a front of its own: on a busy machine a client may take as long to send what another limit waits for.
  @Test("silence and dripping headers end in time")
  func headerTime() async throws {
    try await RunningFront.with {
      $0.limits.headerTimeout = .milliseconds(700)
      // The answer must not be lost to a reset where a busy machine reads it late.
      $0.limits.lingerTimeout = .seconds(30)
    } _: { running in
      let silent = try await WireClient.connect(running.port)
      #expect(await silent.receiveAll().isEmpty)
      // On a busy machine a client may not get to its first byte in time: then it was silent, too, and is tried again.
      var (answer, tries) = ("", 0)
      while answer.isEmpty {
        tries += 1
        let header = try await WireClient.connect(running.port)
        await header.send("POST /mcp HTTP/1.1\r\nHo")
        await Self.dripping(on: header) { answer = await header.receiveAll() }
      }
      #expect(WireResponse(text: answer).status == 408)
      #expect(running.front.stats.refused[.headerTimeout] == 1 + tries)
    }
  }

  @Test("dripping bodies and idle connections end in time")
  func bodyTime() async throws {
    try await RunningFront.with {
      $0.limits.bodyTimeout = .milliseconds(700)
      $0.limits.keepAliveTimeout = .milliseconds(700)
      $0.limits.lingerTimeout = .seconds(30)
    } _: { running in
      let body = try await WireClient.connect(running.port)
      await body.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
      let idle = try await WireClient.connect(running.port)
      await idle.send(RunningFront.modern("tools/list"))
      await Self.dripping(on: body) {
        #expect(await WireResponse(text: body.receiveAll()).status == 408)
        #expect(await WireResponse(text: idle.receiveAll()).status == 200)
      }
      #expect(running.front.stats.refused[.bodyTimeout] == 1)
      #expect(running.front.stats.refused[.idle] == 1)
    }
  }

  @Test("issue 4: after an event stream has ended, its connection is idle like any other")
  func idleAfterStream() async throws {
    try await RunningFront.with {
      $0.limits.keepAliveTimeout = .milliseconds(300)
      // Long enough for a busy machine, and to be over while the stream is open.
      $0.limits.headerTimeout = .seconds(4)
    } _: { running in
      let session = try await running.initialize()
      let client = try await WireClient.connect(running.port)
      await client.send(RunningFront.request("", method: "GET", ["Mcp-Session-Id": session]))
      await client.receive { $0.contains(": open") }
      // Until whatever watched the request's time has fired.
      try await Task.sleep(for: .milliseconds(4200))
      let other = try await WireClient.connect(running.port)
      await other.send(RunningFront.request("", method: "DELETE", ["Mcp-Session-Id": session]))
      // Ends with the connection.
      #expect(await client.receiveAll().hasSuffix("0\r\n\r\n"))
      while running.front.stats.refused[.idle] == nil { try await Task.sleep(for: .milliseconds(5)) }
    }
  }

  @Test("a body slower than the least rate is refused before its time is over")
  func rate() async throws {
    try await RunningFront.with {
      $0.limits.bodyRateGrace = .milliseconds(100)
    } _: { running in
      let client = try await WireClient.connect(running.port)
      await client.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
      #expect(await WireResponse(text: client.receiveAll()).status == 408)
    }
  }

  @Test("a peer that reads nothing is closed; its answers do not pile up")
  func writeStall() async throws {
    try await RunningFront.with {
      $0.limits.writeStallTimeout = .milliseconds(300)
    } _: { running in
      let client = try await WireClient.connect(running.port, reading: false, receiveBuffer: 4096)
      // Each answer is 1 MiB; only what the sockets hold may be made.
      let request = RunningFront.modern("tools/call", name: "big")
      for _ in 0..<64 { await client.send(request) }
      while running.front.stats.refused[.writeStall] == nil { try await Task.sleep(for: .milliseconds(20)) }
      #expect(running.gateway.received.count < 16, "\(running.gateway.received.count) answers were made for nobody")
      while running.front.stats.connections > 0 { try await Task.sleep(for: .milliseconds(5)) }
    }
  }

  @Test("an event stream that nobody reads is bounded and closed")
  func streamStall() async throws {
    try await RunningFront.with {
      $0.limits.writeStallTimeout = .milliseconds(300)
      $0.limits.maxStreamBufferBytes = 20_000
    } _: { running in
      let client = try await WireClient.connect(running.port)
      await client.send(
        RunningFront.modern("tools/call", name: "flood").replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":5,"io"#).fixingLength)
      let text = await client.receive { $0.contains("0\r\n\r\n") }
      #expect(text.contains(#""outcome":"miss""#))
      #expect(running.front.stats.droppedNotifications > 0)
    }
  }

  @Test("issue 2: a flood of progress costs a listener the newest reports, in order, and no more")
  func progressFlood() async throws {
    try await RunningFront.with {
      $0.limits.progressInterval = .seconds(30)
    } _: { running in
      let client = try await WireClient.connect(running.port)
      await client.send(
        RunningFront.modern("tools/call", name: "flood").replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":5,"io"#).fixingLength)
      let text = await client.receive { $0.contains("\r\n0\r\n\r\n") }
      let reports = text.components(#""progressToken":5"#)
      #expect((16...17).contains(reports), "\(reports)")
      #expect(running.front.stats.droppedNotifications == 2000 - reports)
      let steps = text.split(separator: #""progress":"#).dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
      #expect(steps == steps.sorted())
      #expect(steps.last == 2000)
      #expect(text.contains(#""outcome":"miss""#))
    }
  }

  @Test("requests that follow one another at once are answered in order")
  func pipelining() async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port)
      var all = ""
      for id in 0..<20 { all += RunningFront.modern("tools/call", name: id % 3 == 0 ? "pending" : "hit", id: "\(1000 + id)") }
      await client.send(all)
      let text = await client.receive { $0.components(#""id":"#) == 20 && $0.utf8.last == UInt8(ascii: "}") }
      let ids = text.split(separator: #""id":"#).dropFirst().map { $0.prefix(4) }
      #expect(ids == (0..<20).map { "\(1000 + $0)"[...] })
    }
  }

  @Test("issue 2: what is sent behind a waiting call is bounded, and who sends it and leaves is noticed")
  func readAhead() async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port)
      await client.send(RunningFront.modern("tools/call", name: "hang"))
      await running.gateway.until { hanging, _ in hanging == 1 }
      await client.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n")
      // All of it is read, or this would wait for ever.
      for _ in 0..<60 { await client.send(Array(repeating: UInt8(ascii: "x"), count: 65_536)) }
      // What was sent need not have been read yet.
      while running.front.stats.refused[.memory] == nil { try await Task.sleep(for: .milliseconds(5)) }
      #expect(running.front.stats.bufferedBodyBytes == 0)
      #expect(running.front.stats.refused[.memory] == 1)
      await client.close()
      await running.gateway.until { hanging, cancelled in hanging == 0 && cancelled == 1 }
    }
  }

  @Test("issue 2: who sends too much behind a waiting call still gets its answer, and then the end")
  func overrun() async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port)
      await client.send(RunningFront.modern("tools/call", name: "hang"))
      await running.gateway.until { hanging, _ in hanging == 1 }
      await client.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000\r\n\r\n" + String(repeating: "x", count: 40_000) + "\0")
      while running.front.stats.refused[.memory] == nil { try await Task.sleep(for: .milliseconds(5)) }
      running.gateway.release()
      let text = await client.receiveAll()
      #expect(text.components("HTTP/1.1 ") == 1, "\(text)")
      #expect(WireResponse(text: text).status == 200)
      #expect(WireResponse(text: text).header("connection") == "close")
    }
  }

  @Test("Connection: close and HTTP/1.0 are honoured", arguments: ["hit", "pending", "progress"])
  func closes(tool: String) async throws {
    try await RunningFront.with { running in
      var request = RunningFront.modern("tools/call", name: tool, ["Connection": "close"])
      if tool == "progress" { request = request.replacing(#""_meta":{"io"#, with: #""_meta":{"progressToken":5,"io"#).fixingLength }
      for text in [request, request.replacing("HTTP/1.1", with: "HTTP/1.0").replacing("Connection: close\r\n", with: "")] {
        let client = try await WireClient.connect(running.port)
        await client.send(text)
        let answer = await client.receiveAll()
        #expect(WireResponse(text: answer).status == 200, "\(answer)")
        #expect(answer.contains(#""result":"#))
      }
    }
  }

  @Test("connections are bounded, for all and for each address", arguments: [true, false])
  func connections(all: Bool) async throws {
    try await RunningFront.with {
      if all { $0.limits.maxConnections = 3 } else { $0.limits.maxConnectionsPerAddress = 3 }
    } _: { running in
      var open: [WireClient] = []
      for _ in 0..<3 {
        let client = try await WireClient.connect(running.port)
        await client.send(RunningFront.modern("tools/list"))
        #expect(await client.response().status == 200)
        open.append(client)
      }
      let fourth = try await WireClient.connect(running.port)
      #expect(await WireResponse(text: fourth.receiveAll()).status == 503)
      await open[0].close()
      while running.front.stats.connections > 2 { try await Task.sleep(for: .milliseconds(5)) }
      let fifth = try await running.modern("tools/list")
      #expect(fifth.status == 200)
    }
  }

  @Test("half a body and a closed connection leave nothing behind")
  func halfABody() async throws {
    try await RunningFront.with { running in
      let client = try await WireClient.connect(running.port)
      await client.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" + String(repeating: "x", count: 100_000))
      while running.front.stats.bufferedBodyBytes == 0 { try await Task.sleep(for: .milliseconds(5)) }
      await client.finish()
      #expect(await WireResponse(text: client.receiveAll()).status == 400)
      while running.front.stats.connections > 0 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(running.front.stats.bufferedBodyBytes == 0)
    }
  }

  @Test("a large body goes its way", arguments: [60_000, 70_000, 3_000_000])
  func large(size: Int) async throws {
    try await RunningFront.with { running in
      let text = String(repeating: "x", count: size)
      let response = try await running.modern("tools/call", name: "hit", params: #""arguments":{"text":"\#(text)"}"#)
      #expect(response.status == 200)
      #expect(running.front.stats.bufferedBodyBytes == 0)
    }
  }
}

extension String {
  /// How often the other text stands in this one.
  func components(_ other: String) -> Int { ranges(of: other).count }
}
