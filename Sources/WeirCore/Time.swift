#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A point on the process's monotonic clock, in nanoseconds since an arbitrary start. Never leaves the process.
package struct Moment: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  package static let zero = Moment(nanoseconds: 0)
  package static let distantFuture = Moment(nanoseconds: .max)

  package static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Saturates instead of overflowing: a deadline from outside may be any number.
  package static func + (moment: Moment, duration: Duration) -> Moment {
    let (sum, overflow) = moment.nanoseconds.addingReportingOverflow(duration.saturatedNanoseconds)
    return Moment(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
  }

  package static func - (left: Moment, right: Moment) -> Duration {
    let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
    return .nanoseconds(overflow ? (left < right ? .min : .max) : difference)
  }
}

/// A point of civil time: milliseconds since 1970-01-01T00:00:00Z. What is stored, shown to people, and what billing calendars count in.
package struct WallTime: Hashable, Comparable, Sendable {
  package var milliseconds: Int64

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  package static func < (left: WallTime, right: WallTime) -> Bool { left.milliseconds < right.milliseconds }

  /// Saturates instead of overflowing.
  package static func + (time: WallTime, duration: Duration) -> WallTime {
    let (sum, overflow) = time.milliseconds.addingReportingOverflow(duration.saturatedMilliseconds)
    return WallTime(milliseconds: overflow ? (duration < .zero ? .min : .max) : sum)
  }

  package static func - (left: WallTime, right: WallTime) -> Duration {
    let (difference, overflow) = left.milliseconds.subtractingReportingOverflow(right.milliseconds)
    return .milliseconds(overflow ? (left < right ? .min : .max) : difference)
  }
}

extension Duration {
  /// Whole nanoseconds, clamped to what `Int64` holds.
  package var saturatedNanoseconds: Int64 { saturated(dividingBy: 1_000_000_000) }

  /// Whole milliseconds, clamped to what `Int64` holds.
  package var saturatedMilliseconds: Int64 { saturated(dividingBy: 1_000_000_000_000_000) }

  /// Whole units of so many attoseconds, towards zero. A call counts dozens of durations, and a division of 128 bits is a slow one: what the
  /// powers of two leave of the usual ones fits in 64.
  @inline(__always)
  private func saturated(dividingBy unit: Int64) -> Int64 {
    let shift = unit.trailingZeroBitCount
    if attoseconds >= 0, let short = Int64(exactly: attoseconds >> shift) { return short / (unit >> shift) }
    return Int64(clamping: attoseconds / Int128(unit))
  }

  /// Seconds as a floating-point number, for metrics and messages.
  package var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) / 1e18
  }
}

/// Where the time comes from. State machines take a `Moment`; only what has to wait holds a `TimeSource`.
package protocol TimeSource: Sendable {
  /// The monotonic clock now.
  func now() -> Moment
  /// The civil clock now.
  func wall() -> WallTime
  /// Returns at `moment` or later; throws `CancellationError` when the task is cancelled first.
  func sleep(until moment: Moment) async throws
}

/// The clocks of the machine.
package struct SystemTime: TimeSource {
  private let start = Self.continuous()

  package init() {}

  package func now() -> Moment { Moment(nanoseconds: Self.continuous() - start) }

  /// What `ContinuousClock` reads, in nanoseconds: it goes on while the machine sleeps. A call asks for it dozens of times.
  private static func continuous() -> Int64 {
    #if os(Linux)
      let clock = CLOCK_BOOTTIME
    #else
      let clock = CLOCK_MONOTONIC
    #endif
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  package func wall() -> WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  package func sleep(until moment: Moment) async throws {
    let remaining = moment - now()
    if remaining > .zero { try await Task.sleep(for: remaining, clock: .continuous) }
  }
}
