import NIOConcurrencyHelpers

/// Numbers from 0, each given once.
final class ConnectionCounter: Sendable {
  private let count = NIOLockedValueBox(0)

  func next() -> Int {
    count.withLockedValue { count in
      defer { count += 1 }
      return count
    }
  }

  var value: Int { count.withLockedValue { $0 } }
}
