/// One caller that waits. Never used twice in a process.
package struct WaiterID: Hashable, Comparable, Sendable {
  package let number: UInt64

  package init(number: UInt64) {
    self.number = number
  }

  package static func < (left: WaiterID, right: WaiterID) -> Bool { left.number < right.number }
}
