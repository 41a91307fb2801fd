import Glibc
import NIOConcurrencyHelpers
import WeirCore

@testable import WeirUpstream

/// A client that answers nothing until it is to give a question up. That it is being asked is told by a file.
final class SilentPeer: ClientPeer {
  let asked = FakeServer.path("asked")
  private let given = NIOLockedValueBox(false)
  private let moved = Gate()

  var hasGivenUp: Bool { given.withLockedValue { $0 } }

  /// Returns as soon as it has given the question up. The suites have time limits.
  func givesUp() async {
    while !hasGivenUp, !Task.isCancelled {
      _ = await moved.wait(Call.time, until: Call.time.now() + .seconds(60)) { self.hasGivenUp }
    }
  }

  func notify(_ method: String, _ params: [UInt8]?) {}

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    if let file = fopen(asked, "w") { fclose(file) }
    try? await Call.time.sleep(until: Call.time.now() + .seconds(3600))
    given.withLockedValue { $0 = true }
    moved.open()
    throw ClientRefusal(code: -1, message: "given up")
  }
}
