/// The elements of an array in order.
package struct JSONElements: Sequence, Sendable {
  let array: JSONValue

  package func makeIterator() -> Iterator { Iterator(array: array) }
  package var underestimatedCount: Int { array.kind == .array ? array.count : 0 }

  package struct Iterator: IteratorProtocol {
    private let storage: JSONStorage
    private var index: Int
    private var remaining: Int

    init(array: JSONValue) {
      storage = array.storage
      index = array.index + 1
      remaining = array.kind == .array ? array.count : 0
    }

    package mutating func next() -> JSONValue? {
      guard remaining > 0 else { return nil }
      remaining -= 1
      let element = JSONValue(storage: storage, index: index)
      index = Int(storage.tape[index].next)
      return element
    }
  }
}
