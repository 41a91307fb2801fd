import NIOConcurrencyHelpers

/// Counts what one stream has under way, up to a limit.
final class JobSlots: Sendable {
  private let free: NIOLockedValueBox<Int>

  init(_ limit: Int) { free = NIOLockedValueBox(limit) }

  /// Takes a place; false where there is none. Each place taken is to be given back once.
  func take() -> Bool {
    free.withLockedValue { free in
      guard free > 0 else { return false }
      free -= 1
      return true
    }
  }

  func giveBack() { free.withLockedValue { $0 += 1 } }
}
