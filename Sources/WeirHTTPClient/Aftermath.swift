/// What is to be told to whoever waits, once the driver's lock is let go. Used under that lock only.
final class Aftermath {
  typealias Task = (exchange: Exchange, effects: Exchange.Effects)

  private var tasks: [Task] = []

  func add(_ effects: Exchange.Effects, of exchange: Exchange) {
    if !effects.isEmpty { tasks.append((exchange, effects)) }
  }

  /// In the order in which it came about.
  func take() -> [Task] {
    defer { tasks.removeAll() }
    return tasks
  }
}
