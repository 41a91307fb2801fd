/// One caller that waits. Never used twice in a process.
package struct WaiterID: Hashable, Comparable, Sendable {
  let number: UInt64

  package static func < (left: WaiterID, right: WaiterID) -> Bool { left.number < right.number }
}
