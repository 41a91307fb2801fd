import Testing
import WeirCore
import WeirJSON

@testable import WeirPipeline

@Suite("Lists in pages (issue 4)")
struct ListPagesTests {
  private static let now = WallTime(milliseconds: 0)

  private static func pages(
    of principal: Name = "ada", at endpoint: Endpoint = .aggregate, list: String = "tools/list", secret: UInt8 = 1, size: Int = 3
  ) -> ListPages {
    ListPages(principal: principal, endpoint: endpoint, list: list, sealer: Sealer(secret: [secret]), ttl: .seconds(1), size: size)
  }

  private static func elements(_ names: some Sequence<Int>) -> [ListPages.Element] { names.map { (Name("n\($0)"), Array("\($0)".utf8)) } }

  private static func numbers(_ listing: Listing) throws -> [Int] {
    try JSONDocument(parsing: listing.items).root.elements.compactMap(\.int)
  }

  /// All pages, one after the other.
  private static func all(_ count: Int, size: Int) throws -> [[Int]] {
    var (found, cursor): ([[Int]], String?) = ([], nil)
    repeat {
      let page = try pages(size: size).page(of: elements(0..<count), after: cursor.map { Array($0.utf8) }, now: now)
      found.append(try numbers(page))
      cursor = page.next
    } while cursor != nil
    return found
  }

  @Test("every element is on one page, in order", arguments: [0, 1, 3, 4, 9, 10], [1, 3, 1000])
  func whole(count: Int, size: Int) throws {
    let found = try Self.all(count, size: size)
    #expect(found.flatMap { $0 } == Array(0..<count))
    #expect(found.allSatisfy { $0.count <= size })
    #expect(found.count == max(1, (count + size - 1) / size))
  }

  @Test("a cursor holds while the list changes: nothing that stays is missed or comes twice")
  func changing() throws {
    let cursor = try #require(try Self.pages().page(of: Self.elements(0..<9), after: nil, now: Self.now).next)
    func after(_ elements: [ListPages.Element]) throws -> [Int] {
      try Self.numbers(try Self.pages().page(of: elements, after: Array(cursor.utf8), now: Self.now))
    }
    #expect(try after(Self.elements(0..<9)) == [3, 4, 5])
    #expect(try after(Self.elements([-2, -1, 0, 1, 2, 3, 4, 5])) == [3, 4, 5], "others came before")
    #expect(try after(Self.elements([2, 3, 4, 5])) == [3, 4, 5], "others are gone")
    #expect(try after(Self.elements([0, 1, 3, 4, 5])) == [3, 4, 5], "the last of the page before is gone")
    #expect(try after([]) == [])
  }

  @Test("a cursor is its principal's, for one list at one endpoint, at replicas of one key")
  func bound() throws {
    let cursor = Array(try #require(try Self.pages().page(of: Self.elements(0..<9), after: nil, now: Self.now).next).utf8)
    for other in [
      Self.pages(of: "eve"), Self.pages(at: .upstream("up")), Self.pages(list: "prompts/list"), Self.pages(secret: 2),
    ] {
      #expect(throws: CallError.self) { try other.page(of: Self.elements(0..<9), after: cursor, now: Self.now) }
    }
    for wrong in [[], Array("nonsense".utf8), Array(cursor.dropLast()), [65] + cursor] {
      #expect(throws: CallError.self) { try Self.pages().page(of: Self.elements(0..<9), after: wrong, now: Self.now) }
    }
    #expect(try Self.numbers(try Self.pages().page(of: Self.elements(0..<9), after: cursor, now: Self.now)) == [3, 4, 5])
  }
}
