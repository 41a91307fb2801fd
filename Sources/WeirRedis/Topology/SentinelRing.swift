/// The order in which Sentinels are asked: the one that was right last comes first.
package struct SentinelRing: Sendable {
  package private(set) var order: [RedisEndpoint]

  package init(_ sentinels: [RedisEndpoint]) {
    order = sentinels
  }

  /// Its answer was good.
  package mutating func wasRight(_ sentinel: RedisEndpoint) {
    move(sentinel, to: { _ in 0 })
  }

  /// It did not answer, or named a server that is no primary.
  package mutating func wasWrong(_ sentinel: RedisEndpoint) {
    move(sentinel, to: { $0 })
  }

  private mutating func move(_ sentinel: RedisEndpoint, to position: (Int) -> Int) {
    guard let index = order.firstIndex(of: sentinel) else { return }
    order.remove(at: index)
    order.insert(sentinel, at: position(order.count))
  }
}
