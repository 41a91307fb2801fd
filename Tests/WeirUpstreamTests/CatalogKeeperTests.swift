import Logging
import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirJSON
import WeirMCP
import WeirTestSupport

@testable import WeirUpstream

@Suite("Keeping the list of tools", .timeLimit(.minutes(5)))
struct CatalogKeeperTests {
  private static let page = Array(#"{"tools":[{"name":"t"}]}"#.utf8)

  /// When the tools were listed.
  private final class Listings: Sendable {
    private let moments = NIOLockedValueBox<[Moment]>([])

    func add(_ moment: Moment) { moments.withLockedValue { $0.append(moment) } }

    /// The first `count` moments, as soon as there are so many or the test is given up. `meanwhile` runs as long as they are waited for.
    func first(_ count: Int, meanwhile: () -> Void = {}) async -> [Moment] {
      while true {
        let found = moments.withLockedValue { $0 }
        if found.count >= count || Task.isCancelled { return found }
        meanwhile()
        await Task.yield()
      }
    }
  }

  /// Runs a keeper on a clock of its own around `body`. `onList` is called while a listing is answered.
  private static func with(
    onList: @escaping @Sendable (CatalogKeeper) -> Void = { _ in },
    _ body: @escaping @Sendable (CatalogKeeper, ManualTime, Listings) async throws -> Void
  ) async throws {
    let time = ManualTime()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let keeper = CatalogKeeper(configuration: UpstreamConfiguration(name: "up"), time: time, logger: logger)
    let listings = Listings()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await keeper.run(
          send: { _ throws(CallError) in
            listings.add(time.now())
            onList(keeper)
            do throws(JSONError) { return try JSONDocument(parsing: page) } catch { throw CallError(.internalFault, error.message) }
          },
          info: { SessionInfo(revision: .modern) },
          report: { _ in })
      }
      keeper.sessionOpened()
      _ = await listings.first(1)
      try await body(keeper, time, listings)
      group.cancelAll()
    }
  }

  @Test("issue 5: what another replica heard is listed without waiting for more")
  func heardElsewhere() async throws {
    try await Self.with { keeper, _, listings in
      keeper.listAgain(atOnce: true)
      let moments = await listings.first(2)
      #expect(moments.count == 2 && moments[0] == moments[1])
    }
  }

  @Test("issue 5: the first announcement since a listing is told apart")
  func firstAnnouncement() {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let keeper = CatalogKeeper(configuration: UpstreamConfiguration(name: "up"), time: ManualTime(), logger: logger)
    #expect(!keeper.changed([]))
    #expect(keeper.changed(.tools))
    #expect(!keeper.changed(.prompts))
    #expect(keeper.takeAnnounced() == [.tools, .prompts])
    #expect(keeper.changed(.tools))
  }

  @Test("a change is listed at once, and those within 5 s together")
  func pace() {
    var pace = ChangePace(interval: .seconds(5), burst: 1)
    let start = Moment.zero + .seconds(100)
    pace.listing(now: start)
    #expect(pace.changed(now: start + .seconds(1)) == nil)
    pace.listing(now: start + .seconds(1))
    #expect(pace.changed(now: start + .seconds(2)) == start + .seconds(6))
    #expect(pace.changed(now: start + .seconds(5)) == start + .seconds(6))
    pace.listing(now: start + .seconds(6))
    #expect(pace.changed(now: start + .seconds(10)) == start + .seconds(11))
    // One of another cause covers it, and those without a change do not count.
    pace.listing(now: start + .seconds(10))
    pace.listing(now: start + .seconds(20))
    #expect(pace.changed(now: start + .seconds(20)) == nil)
  }

  @Test("some changes in a row are listed at once, and then one in every interval")
  func burst() {
    var pace = ChangePace(interval: .seconds(5), burst: 3)
    let start = Moment.zero + .seconds(100)
    for second in 0..<3 {
      #expect(pace.changed(now: start + .seconds(second)) == nil)
      pace.listing(now: start + .seconds(second))
    }
    #expect(pace.changed(now: start + .seconds(3)) == start + .seconds(5))
    pace.listing(now: start + .seconds(5))
    #expect(pace.changed(now: start + .seconds(6)) == start + .seconds(10))
    #expect(pace.changed(now: start + .seconds(60)) == nil)
  }

  @Test("a server that announces a change with every listing is listed sixty times, and then every 5 s at most (issue 2)")
  func endlessChanges() async throws {
    try await Self.with(onList: { _ = $0.changed(.tools) }) { _, time, listings in
      let moments = await listings.first(110) { time.advance(by: .milliseconds(50)) }
      try #require(moments.count >= 110)
      // The clock goes on between a listing's decision and its record, which matters less the longer one looks; the pace itself is held to the instant
      // by the tests above.
      #expect(moments[109] - moments[90] >= .seconds(19 * 5 - 5))
    }
  }

  @Test("issue 4: who finds the lists old waits for a listing that begins after that")
  func listedAnew() async throws {
    try await Self.with { keeper, time, listings in
      async let catalog = keeper.listedAnew(until: time.now() + .seconds(10))
      _ = await listings.first(2) { time.advance(by: .milliseconds(10)) }
      #expect(await catalog?.tools.map(\.name) == ["t"])
    }
  }

  @Test("issue 4: nobody waits longer for it than until the deadline")
  func listedTooLate() async throws {
    try await Self.with { keeper, time, _ in
      let deadline = time.now() + .milliseconds(100)
      async let catalog = keeper.listedAnew(until: deadline)
      while time.now() < deadline, !Task.isCancelled {
        time.advance(by: .milliseconds(1))
        await Task.yield()
      }
      #expect(await catalog == nil)
    }
  }

  @Test("a credential in doubt is tried by listing, once in 30 s (issue 2)")
  func doubts() async throws {
    try await Self.with { keeper, time, listings in
      let start = time.now()
      for _ in 0..<5 { keeper.credentialDoubted() }
      _ = await listings.first(2)
      time.advance(by: .milliseconds(29_999))
      keeper.credentialDoubted()
      for _ in 0..<1000 { await Task.yield() }
      time.advance(by: .milliseconds(1))
      keeper.credentialDoubted()
      let moments = await listings.first(3)
      #expect(moments == [start, start, start + .seconds(30)])
    }
  }
}
