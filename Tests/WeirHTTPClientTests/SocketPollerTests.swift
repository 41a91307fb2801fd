import CCurl
import Glibc
import Testing

@testable import WeirHTTPClient

@Suite("The queue of socket events", .timeLimit(.minutes(5)))
struct SocketPollerTests {
  /// The two ends of a connection.
  private func withPair(_ body: (CInt, CInt) throws -> Void) throws {
    var ends: [CInt] = [-1, -1]
    try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer { for end in ends { close(end) } }
    try body(ends[0], ends[1])
  }

  @Test("a ring ends the waiting, also one that came before, and once")
  func ring() throws {
    let poller = try #require(SocketPoller())
    poller.ring()
    poller.ring()
    let start = ContinuousClock.now
    #expect(poller.wait(30_000)?.count == 0)
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(poller.wait(0)?.count == 0)
    let next = ContinuousClock.now
    #expect(poller.wait(50)?.count == 0)
    #expect(ContinuousClock.now - next >= .milliseconds(49))
  }

  @Test("a socket is told of as long as it is watched, for what it is watched for")
  func sockets() throws {
    let poller = try #require(SocketPoller())
    try withPair { left, right in
      #expect(poller.watch(left, CURL_POLL_IN, before: CURL_POLL_NONE))
      #expect(poller.wait(0)?.count == 0)
      #expect(write(right, "x", 1) == 1)
      let read = try #require(poller.wait(1000)?.first)
      #expect(read.socket == left)
      #expect(read.ready == CURL_CSELECT_IN)
      #expect(poller.watch(left, CURL_POLL_INOUT, before: CURL_POLL_IN))
      #expect(poller.wait(1000)?.first?.ready == CURL_CSELECT_IN | CURL_CSELECT_OUT)
      #expect(poller.watch(left, CURL_POLL_OUT, before: CURL_POLL_INOUT))
      #expect(poller.wait(1000)?.first?.ready == CURL_CSELECT_OUT)
      #expect(poller.watch(left, CURL_POLL_REMOVE, before: CURL_POLL_OUT))
      #expect(poller.wait(0)?.count == 0)
    }
  }
}
