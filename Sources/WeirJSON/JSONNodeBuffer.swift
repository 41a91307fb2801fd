/// A growing row of nodes without the uniqueness checks of an array; the scanner's scratch space.
struct JSONNodeBuffer: ~Copyable {
  private var base: UnsafeMutablePointer<JSONNode>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = max(capacity, 1)
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  @inline(__always)
  mutating func append(_ node: JSONNode) {
    if count == capacity { grow() }
    (base + count).initialize(to: node)
    count &+= 1
  }

  /// `index` must be one that `append` has filled; the scanner keeps no others.
  subscript(_ index: Int) -> JSONNode {
    @inline(__always) get {
      assert(index >= 0 && index < count)
      return base[index]
    }
    @inline(__always) _modify {
      assert(index >= 0 && index < count)
      yield &base[index]
    }
  }

  /// A copy of exactly the right size.
  func contents() -> ContiguousArray<JSONNode> { ContiguousArray(UnsafeBufferPointer(start: base, count: count)) }

  @inline(never)
  private mutating func grow() {
    let larger = UnsafeMutablePointer<JSONNode>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: base, count: count)
    base.deallocate()
    base = larger
    capacity *= 2
  }
}
