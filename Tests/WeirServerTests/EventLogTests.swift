import NIOCore
import Testing
import WeirCore
import WeirMCP

@testable import WeirServer

@Suite("The past of event streams (issue 4)")
struct EventLogTests {
  @Test("what came after an event is given again, while it is kept")
  func after() {
    var log = EventLog(limit: 6)
    #expect(log.last == 0)
    #expect(log.after(0) == [])
    for text in ["ab", "cd", "ef"] { log.append(Array(text.utf8)) }
    #expect(log.after(0).map { String(decoding: $0, as: UTF8.self) } == "abcdef")
    #expect(log.after(2).map { String(decoding: $0, as: UTF8.self) } == "ef")
    #expect(log.after(3) == [])
    log.append(Array("gh".utf8))
    #expect(log.last == 4)
    #expect(log.bytes == 6)
    #expect(log.after(0).map { String(decoding: $0, as: UTF8.self) } == "cdefgh", "what is left of it")
    #expect(log.after(1).map { String(decoding: $0, as: UTF8.self) } == "cdefgh")
  }

  @Test("numbers that were never given have no past", arguments: [-1, 4, .max])
  func unknown(number: Int) {
    var log = EventLog(limit: 10)
    for _ in 0..<3 { log.append([1]) }
    #expect(log.after(number) == nil)
  }

  @Test("an event larger than all there is room for leaves nothing, and the numbers go on")
  func tooLarge() {
    var log = EventLog(limit: 2)
    log.append([1])
    log.append([1, 2, 3])
    #expect(log.bytes == 0)
    #expect(log.last == 2)
    #expect(log.after(1) == [])
    #expect(log.after(2) == [])
    log.append([4])
    #expect(log.after(2) == [4])
  }

  @Test(
    "ids name a stream and an event of it, or nothing",
    arguments: [
      ("0-0", 0, 0), ("12-345", 12, 345), ("1", nil, nil), ("1-", nil, nil), ("-1", nil, nil), ("1-2-3", nil, nil), ("+1-2", 1, 2),
      ("99999999999999999999-1", nil, nil), ("", nil, nil), ("a-b", nil, nil),
    ] as [(String, Int?, Int?)])
  func ids(text: String, stream: Int?, event: Int?) {
    let position = ResumableStream.position(text)
    #expect(position?.stream == stream)
    #expect(position?.event == event)
  }

  private static func read(_ mailbox: StreamMailbox) async -> String {
    var bytes: [UInt8] = []
    mailbox.finish()
    while var part = await mailbox.next() { while let piece = part.next() { bytes += piece.readableBytesView } }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("a stream goes on where its reader was lost, and the answer is there for who comes back")
  func resumed() async {
    let stream = ResumableStream(number: 3, limit: 1000, budget: EventBudget(limit: 1000))
    let first = StreamMailbox(limit: 1000)
    #expect(stream.attach(first, after: nil, isPrimed: true))
    #expect(stream.push(Array("data: a\n\n".utf8)))
    stream.detach(first)
    #expect(await Self.read(first) == "id: 3-0\ndata: \n\nid: 3-1\ndata: a\n\n")
    #expect(stream.push(Array("data: b\n\n".utf8)))
    stream.finish(.whole(Array("data: end\n\n".utf8)), now: .zero)
    #expect(!stream.push(Array("data: late\n\n".utf8)))
    let second = StreamMailbox(limit: 1000)
    #expect(stream.attach(second, after: 1))
    #expect(await Self.read(second) == "id: 3-2\ndata: b\n\ndata: end\n\n")
  }

  @Test("where there is no room for the past of all streams, it is forgotten, and gives its room back")
  func budget() async {
    let budget = EventBudget(limit: 30)
    do {
      let stream = ResumableStream(number: 1, limit: 1000, budget: budget)
      for _ in 0..<2 { #expect(stream.push(Array("data: a\n\n".utf8))) }
      let view = StreamMailbox(limit: 100)
      #expect(stream.attach(view, after: 0))
      #expect(await Self.read(view) == "", "two events of 18 bytes are too many")
    }
    #expect(budget.change(by: 30), "nothing is counted any more")
  }

  @Test("an answer that finds no room is not kept: who comes back is told so")
  func lostAnswer() async {
    let stream = ResumableStream(number: 1, limit: 1000, budget: EventBudget(limit: 5), lost: .whole(Array("lost".utf8)))
    stream.finish(.whole(Array("the answer".utf8)), now: .zero)
    let view = StreamMailbox(limit: 100)
    #expect(stream.attach(view, after: 0))
    #expect(await Self.read(view) == "lost")
  }

  @Test("issue 4: a reader that takes nothing is ended, and nothing is lost for who comes back")
  func slow() async {
    let stream = ResumableStream(number: 1, limit: 1000, budget: EventBudget(limit: 1000))
    let slow = StreamMailbox(limit: 20)
    #expect(stream.attach(slow, after: nil))
    #expect(stream.push(Array("data: a\n\n".utf8)))
    #expect(stream.push(Array("data: b\n\n".utf8)))
    #expect(!slow.push([1]), "its stream is over")
    let next = StreamMailbox(limit: 100)
    #expect(stream.attach(next, after: 1))
    #expect(await Self.read(next) == "id: 1-2\ndata: b\n\n")
    #expect(!stream.attach(StreamMailbox(limit: 100), after: 3), "a number that was never given")
  }
}
