/// What a JSON value is (RFC 8259 §3).
package enum JSONKind: UInt8, Sendable {
  case null, bool, number, string, array, object
}
