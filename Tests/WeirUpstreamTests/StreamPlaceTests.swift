import Testing
import WeirMCP

@testable import WeirUpstream

@Suite("Where an event stream was left (issue 4)")
struct StreamPlaceTests {
  @Test("the last whole event's id is the place, an empty or endless one is none")
  func ids() {
    var place = StreamPlace()
    #expect(place.lastEventID == nil)
    place.passed(ServerSentEvent(data: Array("{}".utf8)))
    #expect(place.lastEventID == nil && place.hasHeard)
    place.passed(ServerSentEvent(id: "a-1", data: []))
    place.passed(ServerSentEvent(data: Array("{}".utf8)))
    #expect(place.lastEventID == "a-1")
    place.opened()
    #expect(place.lastEventID == "a-1" && !place.hasHeard)
    place.passed(ServerSentEvent(id: String(repeating: "x", count: 5000), data: []))
    #expect(place.lastEventID == nil)
    place.passed(ServerSentEvent(id: "a-2", data: []))
    place.passed(ServerSentEvent(id: "", data: []))
    #expect(place.lastEventID == nil)
  }

  @Test(
    "the pause that a server names is kept to, within bounds",
    arguments: [(0, Duration.milliseconds(100)), (1500, .milliseconds(1500)), (Int.max, .seconds(60))])
  func pauses(milliseconds: Int, pause: Duration) {
    var place = StreamPlace()
    #expect(place.pause == nil)
    place.retries(after: milliseconds)
    place.retries(after: nil)
    #expect(place.pause == pause)
  }
}
