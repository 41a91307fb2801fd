internal import NIOConcurrencyHelpers
package import WeirCore

/// The clocks of the machine, with Redis' civil time where it has been heard: calendars begin at the same moment for all replicas.
package final class FleetTime: TimeSource {
  private let time: any TimeSource
  private let offset = NIOLockedValueBox(Duration.zero)

  package init(_ time: any TimeSource) {
    self.time = time
  }

  /// - Parameter clock: what Redis' clock showed just now, in microseconds since 1970.
  func learn(_ clock: Int64) {
    let difference = WallTime(milliseconds: clock / 1000) - time.wall()
    offset.withLockedValue { $0 = difference }
  }

  package func now() -> Moment { time.now() }
  package func wall() -> WallTime { time.wall() + offset.withLockedValue { $0 } }
  package func sleep(until moment: Moment) async throws { try await time.sleep(until: moment) }
}
