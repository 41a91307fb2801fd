/// The arguments of the guard: `[--grace-ms N] -- command arguments…`.
struct GuardOrder: Equatable {
  /// How long the command may take to end by itself, and again after SIGTERM.
  let graceMilliseconds: Int
  let command: [String]

  /// Nil for wrong arguments.
  init?(_ arguments: [String]) {
    var rest = arguments[...]
    var grace = 2000
    if rest.first == "--grace-ms" {
      guard let text = rest.dropFirst().first, let number = Int(text), (0...600_000).contains(number) else { return nil }
      grace = number
      rest = rest.dropFirst(2)
    }
    guard rest.first == "--", rest.count >= 2 else { return nil }
    self.graceMilliseconds = grace
    self.command = Array(rest.dropFirst())
  }
}
