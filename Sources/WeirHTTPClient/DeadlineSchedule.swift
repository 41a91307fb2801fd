/// When the driver has to look at the limits of its transfers again. Used under the driver's lock only.
///
/// A limit that moves away costs nothing: the look at the old moment finds nothing and schedules the next. One that comes nearer is told.
final class DeadlineSchedule {
  /// No limit of any transfer runs out before; nil where there is none.
  private(set) var next: ContinuousClock.Instant?

  func check(by instant: ContinuousClock.Instant) {
    next = min(next ?? instant, instant)
  }

  /// Whether it is time. If so, everything has to be scheduled anew.
  func isDue(at now: ContinuousClock.Instant) -> Bool {
    guard let next, next <= now else { return false }
    self.next = nil
    return true
  }
}
