import NIOHTTP1
import Testing
import WeirCore

@testable import WeirServer

@Suite("The guard's decisions")
struct GuardMachineTests {
  private let start = Moment(nanoseconds: 1_000_000_000)
  private var limits: FrontLimits { FrontLimits() }

  private func facts(chunked: Bool = false, closes: Bool = false) -> HeadFacts {
    var facts = HeadFacts()
    facts.isChunked = chunked
    facts.closes = closes
    return facts
  }

  @Test("a connection that sends nothing is closed at the header deadline")
  func silent() {
    var machine = GuardMachine(limits: limits, connected: start)
    #expect(machine.due(now: start + .seconds(9), queued: 0, buffered: 0) == .nothing(until: start + .seconds(10)))
    #expect(machine.due(now: start + .seconds(10), queued: 0, buffered: 0) == .close(.headerTimeout))
  }

  @Test("dripping headers do not extend the deadline")
  func headerDrip() {
    var machine = GuardMachine(limits: limits, connected: start)
    for second in 0..<10 { machine.received(bytes: 1, now: start + .seconds(second)) }
    guard case .refuse(let refusal) = machine.due(now: start + .seconds(10), queued: 0, buffered: 0) else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.status == 408)
    #expect(refusal.reason == .headerTimeout)
  }

  @Test("a body must keep a rate, and end in time however fast it is")
  func bodies() {
    var slow = GuardMachine(limits: limits, connected: start)
    slow.received(bytes: 100, now: start)
    slow.accepted(facts(), now: start)
    #expect(throws: Never.self) { try slow.body(bytes: 5000) }
    #expect(slow.due(now: start + .seconds(4), queued: 0, buffered: 0) == .nothing(until: start + .seconds(5)))
    guard case .refuse(let refusal) = slow.due(now: start + .seconds(5), queued: 0, buffered: 0) else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.reason == .bodyTimeout)

    var fast = GuardMachine(limits: limits, connected: start)
    fast.accepted(facts(), now: start)
    for second in 1..<30 {
      #expect(throws: Never.self) { try fast.body(bytes: 100_000) }
      guard case .nothing = fast.due(now: start + .seconds(second), queued: 0, buffered: 0) else {
        Issue.record("refused at \(second)")
        return
      }
    }
    guard case .refuse = fast.due(now: start + .seconds(30), queued: 0, buffered: 0) else {
      Issue.record("not refused")
      return
    }
  }

  @Test("a body over the limit, and framing over what it frames, are refused")
  func sizes() {
    var machine = GuardMachine(limits: limits, connected: start)
    machine.accepted(facts(chunked: true), now: start)
    #expect(throws: Never.self) { try machine.body(bytes: limits.maxBodyBytes) }
    #expect(throws: Refusal.self) { try machine.body(bytes: 1) }
    var framed = GuardMachine(limits: limits, connected: start)
    framed.accepted(facts(chunked: true), now: start)
    framed.received(bytes: limits.maxChunkOverhead, now: start)
    #expect(throws: Never.self) { try framed.checkFraming() }
    framed.received(bytes: 1, now: start)
    #expect(throws: Refusal.self) { try framed.checkFraming() }
  }

  @Test("between requests the keep-alive time counts, from the end of the answer")
  func keepAlive() {
    var machine = GuardMachine(limits: limits, connected: start)
    machine.accepted(facts(), now: start)
    machine.requestEnded(now: start)
    let answered = start + .seconds(100)
    guard case .nothing = machine.due(now: answered, queued: 0, buffered: 0) else {
      Issue.record("a call that takes long is nobody's fault here")
      return
    }
    let closes = machine.responseEnded(now: answered)
    #expect(!closes)
    #expect(machine.due(now: answered + .seconds(59), queued: 0, buffered: 0) == .nothing(until: answered + .seconds(60)))
    #expect(machine.due(now: answered + .seconds(60), queued: 0, buffered: 0) == .close(.idle))
  }

  @Test("output that nobody reads closes the connection; any progress starts the time again")
  func writeStall() {
    var limits = limits
    limits.minimumAnswerRate = 0
    var machine = GuardMachine(limits: limits, connected: start)
    machine.accepted(facts(), now: start)
    machine.requestEnded(now: start)
    #expect(machine.due(now: start, queued: 1000, buffered: 900) == .nothing(until: start + .seconds(1)))
    // More is written, nothing is taken.
    guard case .nothing = machine.due(now: start + .seconds(29), queued: 2000, buffered: 1900) else {
      Issue.record("too early")
      return
    }
    guard case .nothing = machine.due(now: start + .seconds(29), queued: 2000, buffered: 1899) else {
      Issue.record("one byte is progress")
      return
    }
    guard case .nothing = machine.due(now: start + .seconds(58), queued: 2000, buffered: 1899) else {
      Issue.record("too early")
      return
    }
    #expect(machine.due(now: start + .seconds(59), queued: 2000, buffered: 1899) == .close(.writeStall))
  }

  @Test("issue 2: the write timeout counts from when output begins to wait, whenever it is looked at")
  func writeDeadline() {
    var machine = GuardMachine(limits: limits, connected: start)
    machine.accepted(facts(), now: start)
    machine.requestEnded(now: start)
    machine.note(now: start, queued: 1_000_000, buffered: 900_000)
    #expect(machine.due(now: start + .milliseconds(29_500), queued: 1_000_000, buffered: 900_000) == .nothing(until: start + .seconds(30)))
    #expect(machine.due(now: start + .seconds(30), queued: 1_000_000, buffered: 900_000) == .close(.writeStall))
  }

  @Test("issue 2: a peer that takes its answer slower than the least rate is closed", arguments: [(1500, false), (800, true)])
  func answerRate(bytesPerSecond: Int, isClosed: Bool) {
    var machine = GuardMachine(limits: limits, connected: start)
    machine.accepted(facts(), now: start)
    machine.requestEnded(now: start)
    var due = GuardMachine.Due.end
    for second in 0...120 {
      due = machine.due(now: start + .seconds(second), queued: 7_000_000, buffered: 6_000_000 - second * bytesPerSecond)
      if case .close = due { break }
    }
    #expect((due == .close(.writeStall)) == isClosed)
  }

  @Test("issue 2: a last answer that is still being read is not cut off by lingering")
  func lingersAfterOutput() {
    var machine = GuardMachine(limits: limits, connected: start)
    machine.accepted(facts(closes: true), now: start)
    machine.requestEnded(now: start)
    _ = machine.responseEnded(now: start)
    for second in 0..<10 {
      #expect(machine.due(now: start + .seconds(second), queued: 7_000_000, buffered: 6_000_000 - second * 100_000) != .end)
    }
    #expect(machine.due(now: start + .seconds(10), queued: 7_000_000, buffered: 0) == .nothing(until: start + .seconds(11)))
    #expect(machine.due(now: start + .seconds(11), queued: 7_000_000, buffered: 0) == .end)
  }

  @Test("a connection that must close lingers, then ends")
  func lingers() {
    var machine = GuardMachine(limits: limits, connected: start)
    machine.accepted(facts(closes: true), now: start)
    machine.requestEnded(now: start)
    let closes = machine.responseEnded(now: start)
    #expect(closes)
    #expect(machine.due(now: start + .seconds(1), queued: 0, buffered: 0) == .nothing(until: start + .seconds(2)))
    #expect(machine.due(now: start + .seconds(2), queued: 0, buffered: 0) == .end)
  }

  @Test("draining closes idle connections at once and busy ones after their answer")
  func quiesce() {
    var idle = GuardMachine(limits: limits, connected: start)
    let closesIdle = idle.quiesce()
    #expect(closesIdle)
    var busy = GuardMachine(limits: limits, connected: start)
    busy.accepted(facts(), now: start)
    busy.requestEnded(now: start)
    let closesBusy = busy.quiesce()
    #expect(!closesBusy)
    let closesAfter = busy.responseEnded(now: start)
    #expect(closesAfter)
  }

  struct HeadRow: Sendable, CustomTestStringConvertible {
    let what: String
    let status: Int?
    var uri = "/mcp"
    var version = HTTPVersion.http1_1
    var headers: [(String, String)] = []
    var testDescription: String { what }
  }

  static let host = ("Host", "localhost")

  @Test(
    "heads that the parser lets through are judged",
    arguments: [
      HeadRow(what: "plain", status: nil, headers: [host]),
      HeadRow(what: "no Host", status: 400),
      HeadRow(what: "no Host on HTTP/1.0", status: nil, version: .http1_0),
      HeadRow(what: "two Hosts", status: 400, headers: [host, ("HOST", "localhost")]),
      HeadRow(what: "absolute form", status: 400, uri: "http://localhost/mcp", headers: [host]),
      HeadRow(what: "two slashes", status: 400, uri: "//mcp", headers: [host]),
      HeadRow(what: "asterisk", status: 400, uri: "*", headers: [host]),
      HeadRow(what: "fragment", status: 400, uri: "/mcp#x", headers: [host]),
      HeadRow(what: "no ASCII", status: 400, uri: "/mcp/é", headers: [host]),
      HeadRow(what: "long target", status: 414, uri: "/" + String(repeating: "a", count: 9000), headers: [host]),
      HeadRow(what: "chunked", status: nil, headers: [host, ("transfer-encoding", "Chunked")]),
      HeadRow(what: "gzip, chunked", status: 400, headers: [host, ("Transfer-Encoding", "gzip, chunked")]),
      HeadRow(what: "chunked twice", status: 400, headers: [host, ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")]),
      HeadRow(what: "identity", status: 400, headers: [host, ("Transfer-Encoding", "identity")]),
      HeadRow(what: "chunked and a length", status: 400, headers: [host, ("Transfer-Encoding", "chunked"), ("Content-Length", "1")]),
      HeadRow(what: "chunked on HTTP/1.0", status: 400, version: .http1_0, headers: [host, ("Transfer-Encoding", "chunked")]),
      HeadRow(what: "two lengths", status: 400, headers: [host, ("Content-Length", "1"), ("Content-Length", "1")]),
      HeadRow(what: "signed length", status: 400, headers: [host, ("Content-Length", "+1")]),
      HeadRow(what: "empty length", status: 400, headers: [host, ("Content-Length", "")]),
      HeadRow(what: "length over the limit", status: 413, headers: [host, ("Content-Length", "4194305")]),
      HeadRow(what: "length at the limit", status: nil, headers: [host, ("Content-Length", "4194304")]),
      HeadRow(what: "expectation", status: nil, headers: [host, ("Expect", "100-Continue")]),
      HeadRow(what: "other expectation", status: 417, headers: [host, ("Expect", "foo")]),
      HeadRow(what: "100 fields", status: nil, headers: [host] + Array(repeating: ("a", "b"), count: 99)),
      HeadRow(what: "101 fields", status: 431, headers: [host] + Array(repeating: ("a", "b"), count: 100)),
      HeadRow(what: "33 KiB", status: 431, headers: [host, ("a", String(repeating: "b", count: 33 * 1024))]),
      HeadRow(what: "HTTP/2.0", status: 505, version: .init(major: 2, minor: 0), headers: [host]),
    ])
  func heads(_ row: HeadRow) {
    let head = HTTPRequestHead(version: row.version, method: .POST, uri: row.uri, headers: HTTPHeaders(row.headers))
    do throws(Refusal) {
      _ = try HeadRules.check(head, limits: limits)
      #expect(row.status == nil)
    } catch {
      #expect(error.status == row.status)
    }
  }
}
