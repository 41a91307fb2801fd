import Testing

@testable import WeirServer

@Suite("Departures", .timeLimit(.minutes(5)))
struct DepartureTests {
  private static let events: [(name: String, run: @Sendable (Departure) -> Void, known: Departure.Reason?)] = [
    ("somebody left", { $0.fire(.cancelled) }, .cancelled),
    (
      "the first reason counts",
      {
        $0.fire(.drained); $0.fire(.cancelled)
      }, .drained
    ),
    ("the end", { $0.end() }, nil),
    (
      "who left before the end has left",
      {
        $0.fire(.disconnected); $0.end()
      }, .disconnected
    ),
  ]

  @Test("what came before is known at once", arguments: events.indices)
  func before(_ index: Int) async {
    let departure = Departure()
    Self.events[index].run(departure)
    #expect(await departure.wait() == Self.events[index].known, "\(Self.events[index].name)")
  }

  @Test("who waits is told", arguments: events.indices)
  func after(_ index: Int) async {
    let departure = Departure()
    async let told = departure.wait()
    await Task.yield()
    Self.events[index].run(departure)
    #expect(await told == Self.events[index].known, "\(Self.events[index].name)")
  }

  @Test("a cancelled task waits for nobody")
  func cancelled() async {
    let reason = await withTaskGroup(of: Departure.Reason?.self) { group in
      group.cancelAll()
      group.addTask { await Departure().wait() }
      return await group.next() ?? .drained
    }
    #expect(reason == nil)
  }
}
