import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirFlow
import WeirTestSupport

@testable import WeirApp

@Suite("The word of changed lists (issue 5)")
struct AnnouncementsTests {
  private static let (billing, tags): (Name, Name) = ("billing", "tags")

  /// What a client would hear, as events.
  private final class Ear: ChangeTeller {
    struct Word: Sendable, Equatable {
      let upstream: Name
      let lists: UpstreamFeatures
    }

    private let words = AsyncStream<Word>.makeStream()
    private let all = NIOLockedValueBox<[Word]>([])

    var heard: [Word] { all.withLockedValue { $0 } }

    func changed(_ lists: UpstreamFeatures, of upstream: Name) {
      let word = Word(upstream: upstream, lists: lists)
      all.withLockedValue { $0.append(word) }
      words.continuation.yield(word)
    }

    func updated(_ watchers: [(watcher: Name, uri: Name)]) {}

    func next() async -> Word? { await words.stream.first { _ in true } }
  }

  private static func moment(_ milliseconds: Int) -> Moment { Moment(nanoseconds: 0) + .milliseconds(milliseconds) }

  @Test(
    "close changes become one word, a second after the last and three after the first at the latest",
    arguments: [
      ([0], [1000]), ([0, 500], [1500]), ([0, 999, 1998], [2998]), ([0, 900, 1800, 2700], [3000]), ([0, 1001], [1000, 2001]),
      ([0, 900, 1800, 2700, 3001], [3000, 4001]),
    ])
  func merging(changes: [Int], words: [Int]) {
    var news = PendingNews(delay: Announcements.headStart, longest: Announcements.longest)
    var told: [Int] = []
    for now in 0...6000 {
      if changes.contains(now) { news.add(.tools, of: Self.billing, from: 1, now: Self.moment(now)) }
      if !news.takeDue(now: Self.moment(now)).isEmpty { told.append(now) }
    }
    #expect(told == words)
    #expect(news.nextDue == nil)
  }

  @Test("a word has every list that changed, and each upstream has its own time")
  func lists() {
    var news = PendingNews(delay: .seconds(1), longest: .seconds(3))
    news.add(.tools, of: Self.billing, from: 1, now: Self.moment(0))
    news.add(.prompts, of: Self.tags, from: 1, now: Self.moment(400))
    news.add(.resources, of: Self.billing, from: 2, now: Self.moment(800))
    #expect(news.nextDue == Self.moment(1400))
    #expect(news.takeDue(now: Self.moment(1400)) == [Self.tags: .init(lists: .prompts, generation: 1)])
    #expect(news.nextDue == Self.moment(1800))
    #expect(news.takeDue(now: Self.moment(1800)) == [Self.billing: .init(lists: [.tools, .resources], generation: 2)])
  }

  @Test("a replica that is alone tells at once, and nothing of a directory that is not the one in use")
  func alone() {
    let (ear, announcements) = (Ear(), Announcements(time: ManualTime(), hasOthers: { false }))
    announcements.announce(.tools, of: Self.billing, from: 1)
    #expect(ear.heard == [], "there is no front yet")
    announcements.connect(ear)
    announcements.announce(.tools, of: Self.billing, from: 1)
    announcements.generation = 2
    announcements.announce(.prompts, of: Self.billing, from: 1)
    announcements.announce(.resources, of: Self.billing, from: 2)
    #expect(ear.heard == [.init(upstream: Self.billing, lists: .tools), .init(upstream: Self.billing, lists: .resources)])
  }

  @Test("in a fleet clients hear a second later, and nothing of a directory that was replaced meanwhile", .timeLimit(.minutes(5)))
  func fleet() async throws {
    let (ear, time) = (Ear(), ManualTime())
    let announcements = Announcements(time: time, hasOthers: { true })
    announcements.connect(ear)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await announcements.run() }
      announcements.announce(.tools, of: Self.billing, from: 1)
      await time.sleepers(atLeast: 1)
      time.advance(by: .milliseconds(999))
      #expect(ear.heard == [])
      announcements.announce(.prompts, of: Self.tags, from: 2)
      time.advance(by: .milliseconds(1))
      #expect(await ear.next() == .init(upstream: Self.billing, lists: .tools))
      // The word about `tags` is of a directory that is not in use until a moment before it is due.
      announcements.generation = 2
      await time.sleepers(atLeast: 1)
      time.advance(by: .milliseconds(999))
      #expect(await ear.next() == .init(upstream: Self.tags, lists: .prompts))
      group.cancelAll()
    }
    #expect(ear.heard.count == 2)
  }
}
