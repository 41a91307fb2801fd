import Logging
import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirHTTPClient
import WeirMCP

@testable import WeirUpstream

@Suite("Small parts")
struct SmallPartsTests {
  private static func split(_ pieces: [String], limit: Int = 10) -> [String]? {
    var splitter = LineSplitter(limit: limit)
    var lines: [String] = []
    for piece in pieces {
      let bytes = Array(piece.utf8)
      guard let found = try? bytes.withUnsafeBytes({ try splitter.feed($0) }) else { return nil }
      lines += found.map { String(decoding: $0, as: UTF8.self) }
    }
    return lines
  }

  @Test(
    "lines are cut wherever the pieces are cut",
    arguments: [
      (["a\nb\n"], ["a", "b"]), (["a", "b\n", "c"], ["ab"]), (["a\r\n\r\n\nb\n"], ["a", "b"]), (["a\r", "\nb\n"], ["a", "b"]),
      (["0123456789\n"], ["0123456789"]), (["01234567890\n"], nil), (["012345", "678901"], nil),
    ] as [([String], [String]?)])
  func lines(pieces: [String], expected: [String]?) {
    #expect(Self.split(pieces) == expected)
  }

  @Test(
    "of a log, a line that is too long is left out to its end, and no other (issue 2)",
    arguments: [
      (["good\n01234567890\nalso\n"], ["good", "also"], 1), (["good\n012345", "678901", "rest\nalso", "\n"], ["good", "also"], 1),
      (["01234567890", "tail"], [], 1), (["01234567890\n", "01234567890\n\r\nok\r\nend"], ["ok", "end"], 2), (["0123456789\n"], ["0123456789"], 0),
      (["a", "b\n", "c"], ["ab", "c"], 0),
    ] as [([String], [String], Int)])
  func logLines(pieces: [String], expected: [String], skipped: Int) {
    var splitter = LogLineSplitter(limit: 10)
    var lines = pieces.flatMap { piece in Array(piece.utf8).withUnsafeBytes { splitter.feed($0) } }
    if let last = splitter.finish() { lines.append(last) }
    #expect(lines.map { String(decoding: $0, as: UTF8.self) } == expected)
    #expect(splitter.skipped == skipped)
  }

  @Test("no part of a secret is logged from a line that is too long or is cut (issue 2)")
  func halfSecrets() {
    let lines = NIOLockedValueBox<[String]>([])
    let logger = Logger(label: "test") { _ in CollectingLog(lines: lines) }
    var output = ErrorOutput(redactor: Redactor(values: ["known-value-1"]), linesPerSecond: 100, logger: logger)
    let long = "before\n" + String(repeating: "x", count: 8190) + "known-"
    let cut = "\n" + String(repeating: "y", count: 1994) + "known-value-1\n"
    for piece in [long, "value-1", " and more", cut, "after\n"] { Array(piece.utf8).withUnsafeBytes { output.feed($0, now: .zero) } }
    output.finish(now: .zero)
    let logged = lines.withLockedValue { $0 }
    #expect(logged.count == 3)
    #expect(!logged.contains { $0.contains("known-") || $0.contains("value-1") })
    #expect(output.totalDropped == 1)
  }

  @Test(
    "secrets do not reach the log",
    arguments: [
      ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ***"),
      ("key AKIAIOSFODNN7EXAMPLE used", "key *** used"),
      ("ASIAIOSFODNN7EXAMPLE", "***"),
      ("token=abc12345", "token=***"),
      ("AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY end", "AWS_SECRET_ACCESS_KEY: *** end"),
      (#"{"password": "hunter22aa"}"#, #"{"password": "***"}"#),
      ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def", "***"),
      ("https://user:pass@host/x", "https://***@host/x"),
      ("my known-value-1 here", "my *** here"),
      ("the token refresh completed", "the token refresh completed"),
      ("GET /tools/list 200 in 13 ms", "GET /tools/list 200 in 13 ms"),
    ])
  func redaction(line: String, expected: String) {
    #expect(Redactor(values: ["known-value-1", "abc"]).redact(line) == expected)
  }

  @Test(
    "variables with telling names are secrets",
    arguments: [("AWS_SECRET_ACCESS_KEY", true), ("api_key", true), ("GITHUB_TOKEN", true), ("AWS_REGION", false)])
  func secretNames(name: String, isSecret: Bool) {
    #expect(Redactor.isSecretName(name) == isSecret)
  }

  @Test(
    "only what MCP reserves is a sign of an era; credentials, faults and silence are none",
    arguments: [
      (400, nil, .tryLegacy), (404, nil, .tryLegacy), (405, nil, .tryLegacy), (406, nil, .tryLegacy), (400, -32600, .tryLegacy),
      (400, -32000, .tryLegacy), (404, -32601, .open(SessionInfo(revision: .v2026_07_28))), (400, -32601, .tryLegacy), (400, -32022, .tryLegacy),
      (400, -32020, .refuse("it refused server/discover with error -32020: m")), (401, nil, nil), (401, -32601, nil), (403, nil, nil),
      (408, nil, nil),
      (429, nil, nil), (500, nil, nil), (502, -32601, nil), (503, nil, nil), (301, nil, nil),
    ] as [(Int, Int?, OpeningAnswer?)])
  func evidence(status: Int, code: Int?, expected: OpeningAnswer?) {
    let refusal = HTTPRefusal.status(status, code.map { RPCErrorObject(code: $0, message: "m") }, retryAfter: nil)
    #expect(refusal.eraEvidence == expected)
  }

  @Test("a connection that fails is no sign of an era")
  func transportEvidence() {
    #expect(HTTPRefusal.transport(HTTPClientError(.timedOut(.head), "slow")).eraEvidence == nil)
    #expect(HTTPRefusal.cutOff.eraEvidence == nil)
  }

  @Test(
    "headers of the protocol are not for configuration",
    arguments: [("Accept", true), ("MCP-SESSION-ID", true), ("Mcp-Param-x", true), ("Authorization", false)])
  func reserved(name: String, isReserved: Bool) {
    var configuration = HTTPUpstreamConfiguration(url: "http://127.0.0.1/")
    configuration.headers = [(name, Secret("v"))]
    #expect(HTTPUpstreamConfiguration.isReserved(name) == isReserved)
    #expect(configuration.faults.isEmpty != isReserved)
  }

  @Test("a guard waits, asks, kills, and hurries when nobody is left to wait")
  func escalation() {
    var calm = GuardEscalation(grace: 2000)
    #expect(calm.wait == -1)
    calm.inputClosed()
    for _ in 0..<19 { calm.elapsed(100) }
    #expect(calm.takeOrder() == nil)
    calm.elapsed(100)
    #expect(calm.takeOrder() == .terminate)
    #expect(calm.takeOrder() == nil)
    for _ in 0..<20 { calm.elapsed(100) }
    #expect(calm.takeOrder() == .kill)
    calm.elapsed(50)
    #expect(calm.takeOrder() == .kill)

    var hurried = GuardEscalation(grace: 2000)
    hurried.inputClosed()
    hurried.hurry()
    for _ in 0..<3 { hurried.elapsed(100) }
    #expect(hurried.takeOrder() == .terminate)
    for _ in 0..<10 { hurried.elapsed(100) }
    #expect(hurried.takeOrder() == .kill)

    var asked = GuardEscalation(grace: 2000)
    asked.askedToEnd()
    #expect(asked.takeOrder() == .terminate)
    asked.askedToEnd()
    #expect(asked.takeOrder() == nil)
  }

  @Test(
    "the arguments of the guard",
    arguments: [
      (["--", "a", "b"], 2000, ["a", "b"]), (["--grace-ms", "5", "--", "a"], 5, ["a"]), (["--", "--", "-x"], 2000, ["--", "-x"]),
      (["a"], nil, []), (["--"], nil, []), (["--grace-ms", "-1", "--", "a"], nil, []), (["--grace-ms", "5"], nil, []), ([], nil, []),
    ] as [([String], Int?, [String])])
  func guardArguments(arguments: [String], grace: Int?, command: [String]) {
    let order = GuardOrder(arguments)
    #expect(order?.graceMilliseconds == grace)
    #expect((order?.command ?? []) == command)
  }

  @Test("text of others becomes one short line")
  func cleanText() {
    #expect(ErrorText.clean("a\r\nb\u{0}c\u{202E}d\u{2028}e") == "a  b c d e")
    #expect(ErrorText.clean(String(repeating: "x", count: 600)).count == 501)
  }
}
