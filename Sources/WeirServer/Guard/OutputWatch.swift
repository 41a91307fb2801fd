import WeirCore

/// Whether a peer takes the output that waits for it: something within the write timeout, and enough on average. No I/O.
struct OutputWatch: Sendable {
  /// When the peer last took something, or the output began to wait; nil where none waits.
  private(set) var since: Moment?
  private var taken: Int64 = 0
  private var windowBegan = Moment(nanoseconds: 0)
  private var windowTaken: Int64 = 0

  /// `taken`: bytes that the peer ever took.
  mutating func note(now: Moment, taken: Int64, isPending: Bool) {
    guard isPending else {
      since = nil
      return
    }
    if since == nil {
      (since, self.taken) = (now, taken)
      (windowBegan, windowTaken) = (now, taken)
    } else if taken > self.taken {
      (since, self.taken) = (now, taken)
    }
  }

  /// Judges, and begins the next measurement of the rate where one is over.
  mutating func stalls(now: Moment, _ limits: FrontLimits) -> Bool {
    guard let since else { return false }
    if now - since >= limits.writeStallTimeout { return true }
    let elapsed = now - windowBegan
    guard elapsed >= limits.answerRateGrace else { return false }
    if Double(taken - windowTaken) < elapsed.inSeconds * Double(limits.minimumAnswerRate) { return true }
    (windowBegan, windowTaken) = (now, taken)
    return false
  }
}
