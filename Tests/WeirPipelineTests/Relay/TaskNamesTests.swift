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

  @Test(
    "ids are renamed wherever a task stands, and nothing else is touched",
    arguments: [
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
