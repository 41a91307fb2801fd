/// How a guard ends its command: waits, asks, kills. Pure.
struct GuardEscalation {
  /// What to send to every descendant.
  enum Order: Int32, Equatable {
    case terminate = 15
    case kill = 9
  }

  private enum Step: Equatable {
    case running
    /// Standard input is closed: the command ought to end by itself.
    case waiting
    case terminated
    case killed
  }

  private let grace: Int
  private var step = Step.running
  private var isHurried = false
  private var remaining = 0
  private var order: Order?

  /// `grace` in milliseconds.
  init(grace: Int) {
    self.grace = grace
  }

  /// Milliseconds until `elapsed` is to be called; negative for never. Short, because the parent is looked at each time.
  var wait: Int { step == .running ? -1 : min(remaining, 100) }

  /// Weir closed the command's input, or is gone.
  mutating func inputClosed() {
    if step == .running { enter(.waiting) }
  }

  /// Weir is gone, or the command: nobody waits for an answer any more, and all goes faster.
  mutating func hurry() {
    guard !isHurried else { return }
    isHurried = true
    remaining = min(remaining, patience(of: step))
  }

  /// SIGTERM from Weir, or from the system.
  mutating func askedToEnd() {
    if step == .running || step == .waiting { enter(.terminated) }
  }

  /// What the command leaves behind has no reason to run on.
  mutating func commandEnded() {
    askedToEnd()
    hurry()
  }

  /// So many milliseconds have passed.
  mutating func elapsed(_ milliseconds: Int) {
    guard step != .running else { return }
    remaining -= milliseconds
    guard remaining <= 0 else { return }
    enter(step == .waiting ? .terminated : .killed)
  }

  /// What is to be sent now; nil where there is nothing, and each order only once.
  mutating func takeOrder() -> Order? {
    defer { order = nil }
    return order
  }

  private mutating func enter(_ next: Step) {
    step = next
    remaining = patience(of: next)
    switch next {
    case .running, .waiting: break
    case .terminated: order = .terminate
    case .killed: order = .kill
    }
  }

  private func patience(of step: Step) -> Int {
    switch step {
    case .running: 0
    case .waiting: isHurried ? min(grace, 300) : grace
    case .terminated: isHurried ? min(grace, 1000) : grace
    case .killed: 50
    }
  }
}
