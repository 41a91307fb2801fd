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
  private var order: Order?

  /// `grace` in milliseconds.
  init(grace: Int) {
    self.grace = grace
  }

  /// Milliseconds until `elapsed` is to be called; negative for never.
  var wait: Int {
    switch step {
    case .running: -1
    case .waiting: isHurried ? min(grace, 300) : grace
    case .terminated: isHurried ? min(grace, 1000) : grace
    case .killed: 50
    }
  }

  /// Weir closed the command's input, or is gone: then nobody waits for an answer any more, and all goes faster.
  mutating func inputClosed(parentIsGone: Bool) {
    isHurried = isHurried || parentIsGone
    if step == .running { step = .waiting }
  }

  /// SIGTERM from Weir, or from the system.
  mutating func askedToEnd() {
    if step == .running || step == .waiting { terminate() }
  }

  /// What the command leaves behind has no reason to run on.
  mutating func commandEnded() {
    if step == .running || step == .waiting { terminate() }
    isHurried = true
  }

  /// The time of the step is over.
  mutating func elapsed() {
    switch step {
    case .running: break
    case .waiting: terminate()
    case .terminated, .killed:
      step = .killed
      order = .kill
    }
  }

  /// What is to be sent now; nil where there is nothing, and each order only once.
  mutating func takeOrder() -> Order? {
    defer { order = nil }
    return order
  }

  private mutating func terminate() {
    step = .terminated
    order = .terminate
  }
}
