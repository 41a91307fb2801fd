/// Who waits, and for whom an outcome is there before the wait began.
///
/// A caller first takes a slot and parks its continuation later. Between the two, the outcome (an answer, a refusal, the caller's own
/// cancellation) may already have come; the slot keeps it, so that no caller sleeps through it. A slot is settled once: whoever comes second
/// (a cancellation after the answer, a time-out after the cancellation) changes nothing.
struct WaiterSlots<Waiter: Sendable, Outcome: Sendable>: Sendable {
  private enum Slot: Sendable {
    case joining
    case parked(Waiter)
    /// Settled before it was parked: finished or cancelled.
    case settled(Outcome)
  }

  /// What settling a slot did.
  enum Settlement: Sendable {
    /// This waiter has to be resumed with the outcome, after unlocking.
    case resume(Waiter)
    /// The outcome waits for the caller to park.
    case kept
    /// It had been settled before.
    case already
  }

  private var slots: [WaiterID: Slot] = [:]
  private var next: UInt64 = 1

  /// Slots that are open: joining, parked, or settled and not yet collected.
  var count: Int { slots.count }

  mutating func open() -> WaiterID {
    let id = WaiterID(number: next)
    next += 1
    slots[id] = .joining
    return id
  }

  /// Parks the waiter. - Returns: the outcome where it is there already; the waiter is then not kept and has to be resumed by the caller.
  mutating func park(_ id: WaiterID, _ waiter: Waiter) -> Outcome? {
    guard case .settled(let outcome)? = slots[id] else {
      slots[id] = .parked(waiter)
      return nil
    }
    slots[id] = nil
    return outcome
  }

  /// The outcome where it is there before anybody waits for it.
  mutating func collect(_ id: WaiterID) -> Outcome? {
    guard case .settled(let outcome)? = slots[id] else { return nil }
    slots[id] = nil
    return outcome
  }

  mutating func settle(_ id: WaiterID, _ outcome: Outcome) -> Settlement {
    switch slots[id] {
    case .joining?:
      slots[id] = .settled(outcome)
      return .kept
    case .parked(let waiter)?:
      slots[id] = nil
      return .resume(waiter)
    case .settled?, nil:
      return .already
    }
  }
}
