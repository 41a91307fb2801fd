/// Somebody who is told when to look again.
package struct LeaseListener: Sendable, Hashable {
  package let number: UInt64

  package init(number: UInt64) {
    self.number = number
  }
}
