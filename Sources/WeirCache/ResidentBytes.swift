internal import WeirCore

/// How many bytes each tenant holds in one shard. A tenant has a small number here while it holds anything, so that entries carry no string.
struct ResidentBytes {
  private var ids: [Name: Int32] = [:]
  private var names: [Name?] = []
  private var bytes: [Int] = []
  private var free: [Int32] = []

  /// Of entries that belong to nobody.
  static let nobody: Int32 = -1

  /// What the owner holds now.
  func bytes(of owner: Name?) -> Int {
    guard let owner, let id = ids[owner] else { return 0 }
    return bytes[Int(id)]
  }

  func bytes(of id: Int32) -> Int { id < 0 ? 0 : bytes[Int(id)] }

  /// Adds an entry's weight and gives the owner's number.
  mutating func add(_ weight: Int, to owner: Name?) -> Int32 {
    guard let owner else { return Self.nobody }
    if let id = ids[owner] {
      bytes[Int(id)] += weight
      return id
    }
    let id = free.popLast() ?? Int32(names.count)
    if Int(id) == names.count {
      names.append(owner)
      bytes.append(weight)
    } else {
      names[Int(id)] = owner
      bytes[Int(id)] = weight
    }
    ids[owner] = id
    return id
  }

  /// Takes an entry's weight away; an owner who holds nothing any more is forgotten. Weights are never zero.
  mutating func subtract(_ weight: Int, from id: Int32) {
    guard id >= 0 else { return }
    let index = Int(id)
    bytes[index] -= weight
    guard bytes[index] <= 0, let name = names[index] else { return }
    ids.removeValue(forKey: name)
    names[index] = nil
    free.append(id)
  }

  mutating func removeAll() { self = ResidentBytes() }
}
