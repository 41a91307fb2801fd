/// The members of an object in document order.
package struct JSONMembers: Sequence, Sendable {
  let object: JSONValue

  package func makeIterator() -> Iterator { Iterator(object: object) }
  package var underestimatedCount: Int { object.kind == .object ? object.count : 0 }

  package struct Iterator: IteratorProtocol {
    private let storage: JSONStorage
    private var index: Int
    private var remaining: Int

    init(object: JSONValue) {
      storage = object.storage
      index = object.index + 1
      remaining = object.kind == .object ? object.count : 0
    }

    package mutating func next() -> (name: JSONValue, value: JSONValue)? {
      guard remaining > 0 else { return nil }
      remaining -= 1
      let member = (name: JSONValue(storage: storage, index: index), value: JSONValue(storage: storage, index: index + 1))
      index = Int(storage.tape[index + 1].next)
      return member
    }
  }
}
