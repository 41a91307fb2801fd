/// A binary heap that knows where each member stands, so that any of them can be taken out: O(log n) to insert and to remove, O(1) to look.
struct PriorityMap<ID: Hashable & Sendable, Priority: Comparable & Sendable>: Sendable {
  private struct Node: Sendable {
    let id: ID
    let priority: Priority
  }

  private var heap: [Node] = []
  private var positions: [ID: Int] = [:]

  var count: Int { heap.count }
  var isEmpty: Bool { heap.isEmpty }
  /// The member with the smallest priority.
  var first: (id: ID, priority: Priority)? { heap.first.map { ($0.id, $0.priority) } }

  func contains(_ id: ID) -> Bool { positions[id] != nil }

  /// Every member with its priority, in no order.
  var members: some Sequence<(id: ID, priority: Priority)> { heap.lazy.map { ($0.id, $0.priority) } }

  /// Adds a member; one that is there already moves to its new place.
  mutating func insert(_ id: ID, _ priority: Priority) {
    remove(id)
    heap.append(Node(id: id, priority: priority))
    positions[id] = heap.count - 1
    siftUp(heap.count - 1)
  }

  /// Takes a member out; nothing happens where it is not there.
  mutating func remove(_ id: ID) {
    guard let position = positions.removeValue(forKey: id) else { return }
    let last = heap.removeLast()
    guard position < heap.count else { return }
    heap[position] = last
    positions[last.id] = position
    siftUp(position)
    siftDown(positions[last.id] ?? position)
  }

  /// Takes out the member with the smallest priority.
  mutating func popFirst() -> (id: ID, priority: Priority)? {
    guard let first else { return nil }
    remove(first.id)
    return first
  }

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].priority < heap[parent].priority else { return }
      swap(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      let left = 2 * parent + 1
      guard left < heap.count else { return }
      let right = left + 1
      let child = right < heap.count && heap[right].priority < heap[left].priority ? right : left
      guard heap[child].priority < heap[parent].priority else { return }
      swap(child, parent)
      parent = child
    }
  }

  private mutating func swap(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    positions[heap[left].id] = left
    positions[heap[right].id] = right
  }
}
