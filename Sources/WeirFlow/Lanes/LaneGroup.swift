/// Requests of one group may be able to leave as one; requests of different groups never do. Compared byte for byte.
package struct LaneGroup: Hashable, Sendable {
  package let bytes: [UInt8]

  package init(bytes: [UInt8]) {
    self.bytes = bytes
  }
}
