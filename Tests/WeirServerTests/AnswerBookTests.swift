import Testing
import WeirCore

@testable import WeirServer

@Suite("Who goes where answers take too much memory (issue 2)")
struct AnswerBookTests {
  private final class Connection {}

  private let connections = (0..<4).map { _ in Connection() }
  private func id(_ index: Int) -> AnswerBook.ConnectionID { ObjectIdentifier(connections[index]) }
  private static let texts = (0..<3).map { [UInt8](repeating: $0, count: 300) }
  private static func at(_ seconds: Int) -> Moment { .zero + .seconds(seconds) }

  @Test("the same bytes count once, until the last lease ends")
  func once() {
    var book = AnswerBook(limit: 1000, patience: .seconds(1))
    let content = AnswerBook.Content(Self.texts[0])
    let leases = (0..<5).compactMap { _ in book.lease(content, now: .zero).id }
    #expect(leases.count == 5)
    #expect(book.bytes == 300)
    for lease in leases.dropLast() { book.end(lease) }
    #expect(book.bytes == 300)
    for lease in leases { book.end(lease) }
    #expect(book.bytes == 0)
  }

  @Test("room is made by who stalled, longest first; who took something lately keeps its place")
  func stalled() {
    var book = AnswerBook(limit: 1000, patience: .seconds(3))
    let contents = Self.texts.map { AnswerBook.Content($0) }
    let first = book.lease(contents[0], now: .zero).id
    let second = book.lease(contents[1], now: .zero).id
    #expect(book.hold(id(0), bytes: 10, since: Self.at(1), lease: first).isEmpty)
    #expect(book.hold(id(1), bytes: 10, since: Self.at(2), lease: second).isEmpty)
    let tooEarly = book.lease(contents[2], now: Self.at(3))
    #expect(tooEarly.id == nil)
    #expect(tooEarly.closing.isEmpty)
    let later = book.lease(contents[2], now: Self.at(5))
    #expect(later.id != nil)
    #expect(later.closing == [id(0)])
    #expect(book.bytes == 610)
    // The closed connection lets its lease go afterwards.
    if let first { book.end(first) }
    #expect(book.hold(id(0), bytes: 0, since: nil, lease: first).isEmpty)
    #expect(book.bytes == 610)
  }

  @Test("bytes that are queued already are bounded by closing who took nothing for longest")
  func bound() {
    var book = AnswerBook(limit: 1000, patience: .seconds(3))
    #expect(book.hold(id(0), bytes: 400, since: Self.at(2), lease: nil).isEmpty)
    #expect(book.hold(id(1), bytes: 400, since: Self.at(1), lease: nil).isEmpty)
    #expect(book.hold(id(2), bytes: 300, since: Self.at(3), lease: nil) == [id(1)])
    #expect(book.hold(id(2), bytes: 200, since: Self.at(4), lease: nil).isEmpty)
    #expect(book.bytes == 600)
  }
}
