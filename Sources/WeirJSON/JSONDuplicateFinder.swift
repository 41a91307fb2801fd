/// Finds a member name that stands twice in an object, in time linear in the object: a few names are compared pair by pair, more go through a
/// hash table whose hash is seeded per process, so that no sender can prepare collisions.
struct JSONDuplicateFinder {
  private static let pairwise = 8
  /// Open addressing; holds tape index + 1, 0 is free. Kept between objects.
  private var table: [UInt32] = []

  /// The offset of a name that stands in the object a second time, or nil.
  mutating func find(in nodes: borrowing JSONNodeBuffer, object: Int, input: UnsafeBufferPointer<UInt8>) -> Int? {
    let count = Int(nodes[object].count)
    if nodes[object].escaped { return findUnescaping(in: nodes, object: object, count: count, input: input) }
    if count <= Self.pairwise { return findPairwise(in: nodes, object: object, count: count, input: input) }
    return findHashing(in: nodes, object: object, count: count, input: input)
  }

  private func findPairwise(in nodes: borrowing JSONNodeBuffer, object: Int, count: Int, input: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = object + 1
    for position in 0..<count {
      let name = nodes[index]
      var earlier = object + 1
      for _ in 0..<position {
        if Self.equal(name, nodes[earlier], input) { return Int(name.start) }
        earlier = Int(nodes[earlier + 1].next)
      }
      index = Int(nodes[index + 1].next)
    }
    return nil
  }

  private mutating func findHashing(in nodes: borrowing JSONNodeBuffer, object: Int, count: Int, input: UnsafeBufferPointer<UInt8>) -> Int? {
    var size = 32
    while size < count * 2 { size *= 2 }
    if table.count < size {
      table = [UInt32](repeating: 0, count: size)
    } else {
      for slot in 0..<size { table[slot] = 0 }
    }
    var index = object + 1
    for _ in 0..<count {
      let name = nodes[index]
      var slot = Self.hash(name, input) & (size - 1)
      while table[slot] != 0 {
        if Self.equal(name, nodes[Int(table[slot]) - 1], input) { return Int(name.start) }
        slot = (slot + 1) & (size - 1)
      }
      table[slot] = UInt32(truncatingIfNeeded: index + 1)
      index = Int(nodes[index + 1].next)
    }
    return nil
  }

  private func findUnescaping(in nodes: borrowing JSONNodeBuffer, object: Int, count: Int, input: UnsafeBufferPointer<UInt8>) -> Int? {
    var seen: Set<[UInt8]> = []
    var index = object + 1
    for _ in 0..<count {
      let name = nodes[index]
      var unescaped: [UInt8] = []
      JSONText.appendUnescaped(UnsafeBufferPointer(rebasing: input[name.contents]), to: &unescaped)
      guard seen.insert(unescaped).inserted else { return Int(name.start) }
      index = Int(nodes[index + 1].next)
    }
    return nil
  }

  @inline(__always)
  private static func equal(_ left: JSONNode, _ right: JSONNode, _ input: UnsafeBufferPointer<UInt8>) -> Bool {
    guard left.end &- left.start == right.end &- right.start else { return false }
    return JSONText.equal(UnsafeBufferPointer(rebasing: input[left.contents]), UnsafeBufferPointer(rebasing: input[right.contents]))
  }

  private static func hash(_ name: JSONNode, _ input: UnsafeBufferPointer<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(input)[name.contents]))
    return hasher.finalize()
  }
}
