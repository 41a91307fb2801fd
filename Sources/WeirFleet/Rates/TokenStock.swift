internal import WeirCore

/// The tokens that a replica holds, oldest first: free ones, which are forgotten when their time is over, and those set aside for requests that
/// are about to leave.
struct TokenStock: Sendable {
  private var free: [TokenLot] = []
  private var reserved: [TokenLot] = []
  /// Tokens whose time was over before somebody used them.
  private(set) var stranded = 0

  var isEmpty: Bool { free.isEmpty }

  mutating func add(_ lot: TokenLot, now: Moment) {
    guard lot.until > now else {
      stranded += lot.count
      return
    }
    free.append(lot)
    free.sort { $0.from < $1.from }
  }

  mutating func expire(now: Moment) {
    for lot in free where lot.until <= now { stranded += lot.count }
    free.removeAll { $0.until <= now }
  }

  /// Nothing may leave any more on what is free, or on what could leave before `moment`.
  mutating func forget(before moment: Moment = .distantFuture) {
    for lot in free where lot.from < moment { stranded += lot.count }
    free.removeAll { $0.from < moment }
  }

  /// When so many may leave; nil where there are fewer.
  func ready(_ count: Int) -> Moment? {
    var sum = 0
    for lot in free {
      sum += lot.count
      if sum >= count { return lot.from }
    }
    return nil
  }

  var count: Int { free.reduce(0) { $0 + $1.count } }

  /// Sets so many aside; `ready` said that they are there.
  mutating func reserve(_ count: Int) {
    Self.move(count, from: &free, to: &reserved)
  }

  /// Takes so many of those set aside.
  mutating func take(_ count: Int) -> [TokenLot] {
    var taken: [TokenLot] = []
    Self.move(count, from: &reserved, to: &taken)
    return taken
  }

  /// Frees the youngest that were set aside. - Returns: how many of `count` were not.
  mutating func cancel(_ count: Int) -> Int {
    var left = count
    while left > 0, var last = reserved.popLast() {
      let moved = min(left, last.count)
      left -= moved
      let lot = TokenLot(count: moved, from: last.from, until: last.until, number: last.number)
      free.insert(lot, at: free.firstIndex { $0.from > lot.from } ?? free.endIndex)
      last.count -= moved
      if last.count > 0 { reserved.append(last) }
    }
    return left
  }

  private static func move(_ count: Int, from source: inout [TokenLot], to target: inout [TokenLot]) {
    var left = count
    while left > 0, !source.isEmpty {
      var lot = source.removeFirst()
      let moved = min(left, lot.count)
      left -= moved
      target.append(TokenLot(count: moved, from: lot.from, until: lot.until, number: lot.number))
      lot.count -= moved
      if lot.count > 0 { source.insert(lot, at: 0) }
    }
  }
}
