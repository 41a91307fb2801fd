/// One flight. Removal from the table compares it, so that the late end of an old flight never removes a new one of the same key.
package struct FlightID: Hashable, Sendable {
  let number: UInt64
}
