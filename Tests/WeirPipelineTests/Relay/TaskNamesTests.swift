import Testing
import WeirCore
import WeirJSON
import WeirTestSupport

@testable import WeirPipeline

@Suite("What tasks are called (issue 4)")
struct TaskNamesTests {
  private static let sealer = Sealer(secret: [1, 2, 3])
  private static let now = WallTime(milliseconds: 0)
  private static let names = TaskNames(principal: "ada", sealer: sealer)

  private static func renamed(_ text: String) throws -> JSONValue {
    try JSONDocument(parsing: names.renaming(JSONDocument(parsing: Array(text.utf8)).root, of: "up")).root
  }

  @Test("a task has one name, at every replica of the key, and only for its principal")
  func names() throws {
    let name = try #require(Self.names.outward(Array("task-1".utf8), of: "up"))
    #expect(name == TaskNames(principal: "ada", sealer: Sealer(secret: [1, 2, 3])).outward(Array("task-1".utf8), of: "up"))
    #expect(name != Self.names.outward(Array("task-2".utf8), of: "up"))
    let found = try #require(Self.names.inward(name, now: Self.now))
    #expect(found.upstream == "up")
    #expect(found.id == "task-1")
    #expect(TaskNames(principal: "eve", sealer: Self.sealer).inward(name, now: Self.now) == nil)
    #expect(TaskNames(principal: "ada", sealer: Sealer(secret: [9])).inward(name, now: Self.now) == nil)
    #expect(Self.names.inward(Array("other".utf8) + name.dropFirst(2), now: Self.now) == nil, "nor at another upstream")
    for index in name.indices {
      var tampered = name
      tampered[index] ^= 1
      #expect(Self.names.inward(tampered, now: Self.now)?.id != "task-1")
    }
  }

  @Test("ids are renamed wherever a task stands, and nothing else is touched", arguments: [
    #"{"taskId":"t","status":"working","x":[1]}"#, #"{"task":{"taskId":"t","ttl":null},"y":1}"#,
    #"{"content":[],"_meta":{"a":1,"io.modelcontextprotocol/related-task":{"taskId":"t"}}}"#,
  ])
  func renaming(text: String) throws {
    let name = String(decoding: try #require(Self.names.outward([UInt8(ascii: "t")], of: "up")), as: UTF8.self)
    let expected = text.replacing("\"taskId\":\"t\"", with: "\"taskId\":\"\(name)\"")
    #expect(try Self.renamed(text).canonical() == JSONDocument(parsing: Array(expected.utf8)).root.canonical())
  }

  @Test("what names no task stays as it is")
  func untouched() throws {
    let text = #"{"content":[{"type":"text","text":"taskId"}],"structuredContent":{"taskId":"mine"}}"#
    #expect(try Self.renamed(text).raw == Array(text.utf8))
  }

  @Test("each principal's tasks are listed to it alone, and the oldest are forgotten")
  func book() {
    let book = TaskBook()
    for number in 0..<1001 { book.add(Name("t\(number)"), of: "up", for: "ada") }
    #expect(book.tasks(of: "up", for: "ada").count == 1000)
    #expect(!book.tasks(of: "up", for: "ada").contains("t0"))
    #expect(book.tasks(of: "up", for: "eve").isEmpty)
    #expect(book.tasks(of: "other", for: "ada").isEmpty)
  }
}

@Suite("Time to think (issue 4)")
struct QuestionClockTests {
  private struct Thinker: ClientPeer {
    let time: ManualTime
    let patience: Duration

    func notify(_ method: String, _ params: [UInt8]?) {}

    func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
      time.advance(by: patience)
      return Array("{}".utf8)
    }
  }

  private static func peer(_ clock: QuestionClock, _ time: ManualTime) -> AskedPeer {
    AskedPeer(
      peer: Thinker(time: time, patience: .seconds(100)), names: TaskNames(principal: "ada", sealer: Sealer()), upstream: "up", clock: clock)
  }

  @Test("the time that a question takes moves the deadline")
  func moved() async throws {
    let time = ManualTime()
    let clock = QuestionClock(time: time)
    let peer = Self.peer(clock, time)
    let answer = try await clock.run(until: time.now() + .seconds(10)) { () -> Result<Int, CallError> in
      _ = try? await peer.ask("elicitation/create", nil)
      time.advance(by: .seconds(9))
      return .success(1)
    }
    #expect(answer == 1)
  }

  @Test("without a question the deadline holds")
  func held() async {
    let time = ManualTime()
    let clock = QuestionClock(time: time)
    await #expect(throws: CallError.self) {
      try await clock.run(until: time.now() + .seconds(10)) { () -> Result<Int, CallError> in
        while !Task.isCancelled {
          time.advance(by: .seconds(1))
          await Task.yield()
        }
        return .failure(CallError(.cancelled, "cancelled"))
      }
    }
  }

  @Test("what is held for the provider is given back before the first question")
  func letGo() async throws {
    let time = ManualTime()
    let (given, sink) = AsyncStream.makeStream(of: Void.self)
    let peer = Self.peer(QuestionClock(time: time), time).lettingGo { sink.yield() }
    _ = try await peer.ask("roots/list", nil)
    sink.finish()
    #expect(await given.reduce(0) { count, _ in count + 1 } == 1)
  }
}
