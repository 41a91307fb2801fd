import Testing
import WeirCore

@testable import WeirCache

@Suite("Purges")
struct PurgeMarksTests {
  private let key = CacheKey.numbered(1)
  private let scopes = PurgeScopes(upstream: "aws", tool: "get_cost", tags: ["month-end", "money"]).asked(by: "growth", isShared: false)
  private let now = Moment.seconds(5)

  @Test(
    "a scope covers the calls that it names, and no other",
    arguments: [
      (PurgeScope.all, true), (.key(.numbered(1)), true), (.key(.numbered(2)), false), (.upstream("aws"), true), (.upstream("gcp"), false),
      (.tool(upstream: "aws", tool: "get_cost"), true), (.tool(upstream: "aws", tool: "get_costs"), false),
      (.tool(upstream: "gcp", tool: "get_cost"), false), (.tenant("growth"), true), (.tenant("platform"), false), (.tag("money"), true),
      (.tag("month-end"), true), (.tag("aws"), false), (.upstream("growth"), false), (.tenant("aws"), false),
      // Kelvin sign: equal to "K" as text, not as bytes.
      (.tag("\u{212A}"), false),
    ])
  func covering(scope: PurgeScope, covers: Bool) {
    let marks = PurgeMarks()
    let before = marks.stamp
    marks.purge([scope], now: now)
    #expect(marks.covers(before, key, scopes) == covers)
    #expect(!marks.covers(marks.stamp, key, scopes), "what is asked for after the purge is not covered")
  }

  @Test("names are compared by bytes")
  func bytes() {
    let marks = PurgeMarks()
    let before = marks.stamp
    marks.purge([.tag("\u{212A}")], now: now)
    #expect(!marks.covers(before, key, PurgeScopes(upstream: "u", tool: nil, tags: ["K"])))
    #expect(marks.covers(before, key, PurgeScopes(upstream: "u", tool: nil, tags: ["\u{212A}"])))
  }

  @Test(
    "scopes are written as they are read",
    arguments: [
      "all", "upstream:aws-billing", "tool:aws-billing__get_cost", "tool:a__b__c", "tenant:growth", "tag:x",
      "key:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    ])
  func written(text: String) throws {
    #expect(try #require(PurgeScope(bytes: Array(text.utf8))).description == text)
  }

  @Test(
    "what is no scope is none",
    arguments: [
      "", "All", "all:", "all:x", "key:", "key:00", "key:zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "tool:x", "tool:__x",
      "tool:x__", "tag:", "upstream:", "tenant", "what:x", "clock", "epoch",
    ])
  func notWritten(text: String) {
    #expect(PurgeScope(bytes: Array(text.utf8)) == nil)
  }

  @Test("a tool's name may have the separator in it")
  func separator() {
    #expect(PurgeScope(bytes: Array("tool:up__a__b".utf8)) == .tool(upstream: "up", tool: "a__b"))
  }

  // MARK: Redis

  private func answer(_ clock: Int64, epoch: Int64 = 1, _ marks: [(PurgeScope, Int64)] = []) -> PurgeAnswer {
    PurgeAnswer(clock: clock, epoch: epoch, marks: marks.map { (scope: $0.0, time: $0.1) })
  }

  @Test("an answer of another replica counts where it was asked for after the purge, by Redis' clock")
  func elsewhere() {
    let marks = PurgeMarks(isMirror: true)
    _ = marks.take(answer(100, [(.tenant("growth"), 50)]), to: marks.question, now: now)
    #expect(marks.covers(PurgeStamp(asked: 49), key, scopes))
    #expect(!marks.covers(PurgeStamp(asked: 50), key, scopes))
    #expect(!marks.covers(PurgeStamp(asked: 100), key, scopes))
    #expect(marks.covers(.unknown, key, scopes), "an answer that does not say is older than every mark")
    #expect(!marks.covers(.unknown, key, .none))
    #expect(marks.stamp.asked == 100)
  }

  @Test("until Redis has confirmed a purge, nothing from Redis counts in its scopes")
  func pending() {
    let marks = PurgeMarks(isMirror: true)
    _ = marks.take(answer(100), to: marks.question, now: now)
    marks.purge([.tenant("growth")], now: now)
    #expect(marks.isPending([.tenant("growth")]) && marks.pendingCount == 1)
    let own = marks.stamp
    #expect(marks.covers(PurgeStamp(asked: 1_000_000), key, scopes))
    #expect(!marks.covers(PurgeStamp(asked: 0), key, .none))
    #expect(!marks.covers(own, key, scopes), "what this replica asks for after the purge is")
    _ = marks.take(answer(200), to: marks.question, now: now)
    #expect(!marks.isPending([.tenant("growth")]))
    #expect(marks.covers(PurgeStamp(asked: 199), key, scopes) && !marks.covers(PurgeStamp(asked: 200), key, scopes))
    #expect(!marks.covers(own, key, scopes), "confirming is no second purge")
  }

  @Test("a purge that is asked for again while the first is on its way stays to be told")
  func again() {
    let marks = PurgeMarks(isMirror: true)
    marks.purge([.all], now: now)
    let first = marks.question
    let between = marks.stamp
    marks.purge([.all], now: now)
    _ = marks.take(answer(200), to: first, now: now)
    #expect(marks.isPending([.all]) && marks.covers(between, key, scopes))
    _ = marks.take(answer(300, [(.all, 200)]), to: marks.question, now: now)
    #expect(!marks.isPending([.all]) && marks.covers(PurgeStamp(asked: 299), key, scopes))
  }

  @Test("somebody else's purge of a scope counts while the own one is on its way")
  func meanwhile() {
    let marks = PurgeMarks(isMirror: true)
    _ = marks.take(answer(100), to: marks.question, now: now)
    marks.purge([.all], now: now)
    let own = marks.stamp
    _ = marks.take(answer(300, [(.all, 200)]), to: marks.question, now: now)
    #expect(marks.covers(own, key, scopes))
    #expect(!marks.isPending([.all]))
  }

  @Test("what was news is acknowledged at once, and nothing else is")
  func acknowledged() throws {
    let marks = PurgeMarks(isMirror: true)
    #expect(marks.take(answer(100), to: marks.question, now: now) == nil)
    let news = try #require(marks.take(answer(200, [(.all, 150)]), to: marks.question, now: now))
    #expect(news.since == 200 && news.clock == 200 && news.epoch == 1 && news.pending.isEmpty && news.restored.isEmpty)
    #expect(marks.take(answer(201), to: news, now: now) == nil)
    #expect(marks.take(answer(202, [(.all, 150)]), to: marks.question, now: now) == nil)
    marks.purge([.tag("own")], now: now)
    #expect(marks.take(answer(300), to: marks.question, now: now) == nil)
    #expect(marks.time(of: [.tag("own"), .all]) == 300 && marks.time(of: [.tag("none")]) == 0)
  }

  @Test("marks of a kind that is not known count as one of everything, as late as the latest of them")
  func unknownKinds() {
    let marks = PurgeMarks(isMirror: true)
    _ = marks.take(answer(100, [(.all, 50), (.all, 40)]), to: marks.question, now: now)
    #expect(marks.time(of: [.all]) == 50)
  }

  @Test("a mark that is told again is no news")
  func twice() {
    let marks = PurgeMarks(isMirror: true)
    let question = marks.question
    _ = marks.take(answer(100, [(.all, 50)]), to: question, now: now)
    let stamp = PurgeStamp(generation: marks.stamp.generation)
    _ = marks.take(answer(110, [(.all, 50)]), to: question, now: now)
    #expect(!marks.covers(stamp, key, scopes))
  }

  @Test("what Redis has lost it is told again, once all that it knows is known")
  func lost() throws {
    let marks = PurgeMarks(isMirror: true)
    _ = marks.take(answer(100, [(.upstream("aws"), 40), (.tag("money"), 60), (.tag("old"), 20)]), to: marks.question, now: now)
    #expect(marks.stamp.asked == 100)
    let question = marks.question
    let again = try #require(marks.take(answer(101, epoch: 2), to: question, now: now + .seconds(1)))
    #expect(again.since == 0 && again.clock == 101)
    #expect(marks.stamp.asked == 100, "not all is known that was purged by then")
    let restored = try #require(marks.take(answer(102, epoch: 2, [(.tag("money"), 60), (.all, 30)]), to: again, now: now))
    // A mark of everything is one of this, too.
    #expect(restored.restored.map(\.scope) == [.upstream("aws")] && restored.restored.map(\.time) == [40])
    // What is told may not arrive: it is told again then.
    let second = try #require(marks.take(answer(102, epoch: 2), to: marks.question, now: now))
    #expect(second.isWhole)
    let repeated = try #require(marks.take(answer(102, epoch: 2, [(.tag("money"), 60), (.all, 30)]), to: second, now: now))
    #expect(repeated.restored.map(\.scope) == [.upstream("aws")])
    let told = try #require(marks.take(answer(103, epoch: 3, []), to: repeated, now: now))
    #expect(marks.take(answer(104, epoch: 3, [(.tag("money"), 60), (.all, 30), (.upstream("aws"), 40)]), to: told, now: now) == nil)
  }

  @Test("nothing counts while Redis is silent, where there are others")
  func silence() {
    let (alone, mirror) = (PurgeMarks(), PurgeMarks(isMirror: true))
    #expect(alone.isCurrent(at: now) && !mirror.isCurrent(at: now))
    _ = mirror.take(answer(1), to: mirror.question, now: now)
    #expect(mirror.isCurrent(at: now + .seconds(3)) && !mirror.isCurrent(at: now + .milliseconds(3001)))
  }

  @Test("more marks than are kept become one of everything that is no younger than they were")
  func bound() {
    let marks = PurgeMarks()
    var stamps: [PurgeStamp] = []
    for number in 0..<(PurgeBook.most + 1) {
      stamps.append(marks.stamp)
      marks.purge([.tag(Name("t\(number)"))], now: now)
    }
    #expect(marks.count == PurgeBook.most / 2 + 2)
    // Of what was given up, nothing comes back; what is younger than that stays.
    let last = PurgeBook.most / 2 - 1
    #expect(marks.covers(stamps[0], key, .none) && marks.covers(stamps[last], key, .none))
    #expect(!marks.covers(stamps[last + 1], key, .none))
    #expect(marks.covers(stamps[PurgeBook.most], key, PurgeScopes(upstream: "u", tool: nil, tags: [Name("t\(PurgeBook.most)")])))
  }

  @Test("a mark that is older than any answer is forgotten, and no answer is kept for longer")
  func horizon() throws {
    let marks = PurgeMarks()
    marks.purge([.tag("a")], now: .zero)
    marks.purge([.tag("b")], now: .zero + PurgeMarks.horizon)
    #expect(marks.count == 2)
    marks.purge([.tag("b")], now: .zero + PurgeMarks.horizon + .milliseconds(1))
    #expect(marks.count == 1)
    let store = MemoryStore<[UInt8]>(limits: MemoryLimits(maxBytes: 1 << 20, maxEntryBytes: 1 << 16), cores: 1)
    store.put(key, .sample(freshFor: .seconds(1_000_000_000)), owner: nil, now: .zero)
    #expect(try #require(store.get(key, now: .zero)).remainingFreshness == PurgeMarks.horizon)
  }
}
