import Testing

@testable import WeirHTTPClient

@Suite("What driver and consumer know of a transfer")
struct ExchangeStateTests {
  private typealias Machine = ExchangeState<String, String>
  private let head = HTTPResponseHead(status: 200, headers: HTTPHeaders())
  private let broken = HTTPClientError(.closedEarly, "broken")

  @Test("a waiter for the head is answered once, by the head")
  func headOnce() {
    var machine = Machine(capacity: 10)
    #expect(machine.awaitHead("h") == nil)
    let effects = machine.headArrived(head)
    #expect(effects.head?.waiter == "h")
    #expect(effects.head?.answer == .success(head))
    #expect(machine.finish(.failure(broken)).head == nil)
    #expect(machine.cancel().head == nil)
  }

  @Test("a response that says it is short wakes its reader once, with everything there", arguments: [("5", true), ("99999999", false), ("x", false)])
  func shortResponses(_ length: String, _ isHeld: Bool) {
    var machine = ExchangeState<Int, Int>(capacity: 1024)
    let head = HTTPResponseHead(status: 200, headers: HTTPHeaders([(name: "Content-Length", value: length)]))
    #expect(machine.awaitHead(1) == nil)
    #expect((machine.headArrived(head).head == nil) == isHeld)
    _ = machine.offer(Array("12345".utf8))
    #expect((machine.finish(.success(())).head?.waiter == 1) == isHeld)
    #expect(machine.awaitBody(2).answer == .success(Array("12345".utf8)))
    #expect(machine.awaitBody(3).answer == .success(nil))
  }

  @Test("a short response that is cut gives its head and what came, then the error")
  func shortAndCut() {
    var machine = ExchangeState<Int, Int>(capacity: 1024)
    let head = HTTPResponseHead(status: 200, headers: HTTPHeaders([(name: "Content-Length", value: "5")]))
    _ = machine.awaitHead(1)
    _ = machine.headArrived(head)
    _ = machine.offer(Array("12".utf8))
    let error = HTTPClientError(.closedEarly, "cut")
    #expect(machine.finish(.failure(error)).head?.answer == .success(head))
    #expect(machine.awaitBody(2).answer == .success(Array("12".utf8)))
    #expect(machine.awaitBody(3).answer == .failure(error))
  }

  @Test("a head that comes before its waiter is kept for it, and the failure after it is the body's")
  func headFirst() {
    var machine = Machine(capacity: 10)
    _ = machine.headArrived(head)
    _ = machine.finish(.failure(broken))
    #expect(machine.awaitHead("h") == .success(head))
    #expect(machine.awaitBody("b").answer == .failure(broken))
  }

  @Test("a consumer cancelled before it waits is told at once, and the driver once")
  func cancelledFirst() {
    var machine = Machine(capacity: 10)
    #expect(machine.cancel().signal == .cancel)
    #expect(machine.cancel().signal == nil)
    #expect(machine.awaitHead("h") == .failure(HTTPClientError(.cancelled, "the request was cancelled")))
    #expect(machine.offer([1]).verdict == .gone)
    #expect(machine.finish(.success(())).signal == nil)
  }

  @Test("a piece goes to who waits for it, else it is held up to the capacity, else the driver pauses until it is taken")
  func backPressure() {
    var machine = Machine(capacity: 10)
    #expect(machine.awaitBody("b").answer == nil)
    let first = machine.offer([1, 2])
    #expect(first.verdict == .taken(buffered: 0))
    #expect(first.effects.body?.waiter == "b")
    #expect(first.effects.body?.answer == .success([1, 2]))
    #expect(machine.offer(Array(repeating: 3, count: 6)).verdict == .taken(buffered: 6))
    #expect(machine.offer(Array(repeating: 4, count: 5)).verdict == .pause)
    let taken = machine.awaitBody("c")
    #expect(taken.answer == .success(Array(repeating: 3, count: 6)))
    #expect(taken.signal == .resume)
    #expect(machine.offer(Array(repeating: 4, count: 11)).verdict == .taken(buffered: 11))
    #expect(machine.awaitBody("d").signal == nil)
  }

  @Test("what is held is delivered before the end, and the end is said again and again")
  func endings() {
    let endings: [(Result<Void, HTTPClientError>, Result<[UInt8]?, HTTPClientError>)] = [
      (.success(()), .success(nil)), (.failure(broken), .failure(broken)),
    ]
    for (result, expected) in endings {
      var machine = Machine(capacity: 10)
      _ = machine.offer([1])
      _ = machine.finish(result)
      #expect(machine.awaitBody("a").answer == .success([1]))
      #expect(machine.awaitBody("b").answer == expected)
      #expect(machine.awaitBody("c").answer == expected)
      #expect(machine.cancel().signal == nil)
    }
  }

  @Test("an end wakes who waits, and a success without a head is no success")
  func waitersAtTheEnd() {
    var machine = Machine(capacity: 10)
    _ = machine.awaitHead("h")
    guard case .failure(let error) = machine.finish(.success(())).head?.answer else {
      Issue.record("a response without a head")
      return
    }
    #expect(error.code == .closedEarly)
    var other = Machine(capacity: 10)
    _ = other.awaitBody("b")
    #expect(other.awaitBody("second").answer == .failure(HTTPClientError(.alreadyConsumed, "the response body is already being waited for")))
    let effects = other.cancel()
    #expect(effects.body?.waiter == "b")
    #expect(effects.signal == .cancel)
  }

  @Test("the limits follow the transfer: head, then silence between pieces, none while the consumer is waited for, the total always")
  func deadlines() {
    let start = ContinuousClock.now
    var deadlines = TransferDeadlines(from: start, head: .seconds(5), idle: .seconds(2), total: .seconds(20))
    #expect(deadlines.earliest == start + .seconds(5))
    #expect(deadlines.expired(at: start + .seconds(4)) == nil)
    #expect(deadlines.expired(at: start + .seconds(5)) == .head)
    deadlines.progressed(at: start + .seconds(4))
    #expect(deadlines.earliest == start + .seconds(6))
    deadlines.progressed(at: start + .seconds(6))
    #expect(deadlines.expired(at: start + .seconds(7)) == nil)
    #expect(deadlines.expired(at: start + .seconds(8)) == .idle)
    deadlines.paused()
    #expect(deadlines.expired(at: start + .seconds(19)) == nil)
    #expect(deadlines.expired(at: start + .seconds(20)) == .total)
    deadlines.progressed(at: start + .seconds(19))
    #expect(deadlines.expired(at: start + .seconds(20)) == .total)
  }

  @Test("the limits that libcurl passes over are found by the parser of heads itself")
  func parser() throws {
    var parser = ResponseHeadParser(maxFields: 2, maxBytes: 100)
    #expect(try parser.feed(Array("HTTP/1.1 204 No Content\r\n".utf8)) == nil)
    #expect(try parser.feed(Array("A:  b \t\r\n".utf8)) == nil)
    #expect(try parser.feed(Array("\tc\r\n".utf8)) == nil)
    #expect(try parser.feed(Array("B:\n".utf8)) == nil)
    #expect(try parser.feed(Array("\r\n".utf8)) == HTTPResponseHead(status: 204, headers: HTTPHeaders([("A", "b c"), ("B", "")])))
    #expect(throws: HTTPClientError.self) { try parser.feed(Array("Trailer: 3\r\n".utf8)) }
  }

  @Test("what is there of a body is taken without waiting, then its end; where there is nothing yet, nothing is taken")
  func atHand() {
    var machine = Machine(capacity: 4)
    #expect(machine.takeBody() == nil)
    _ = machine.offer(Array("1234".utf8))
    #expect(machine.offer(Array("5".utf8)).verdict == .pause)
    let taken = machine.takeBody()
    #expect(taken?.answer == .success(Array("1234".utf8)))
    #expect(taken?.signal == .resume)
    #expect(machine.takeBody() == nil)
    _ = machine.finish(.failure(broken))
    #expect(machine.takeBody()?.answer == .failure(broken))
    #expect(machine.takeBody()?.signal == nil)
  }
}
