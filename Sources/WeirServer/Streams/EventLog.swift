/// The last events of one stream, numbered, as long as they fit (MCP 2025-11-25, Streamable HTTP, resumability and redelivery). No I/O.
struct EventLog: Sendable {
  private let limit: Int
  private var events: [[UInt8]] = []
  private var first = 1
  private(set) var bytes = 0

  init(limit: Int) {
    self.limit = limit
  }

  /// The number of the newest event; 0 before the first.
  var last: Int { first + events.count - 1 }

  /// Keeps an event as number `last + 1`; the oldest give way.
  mutating func append(_ event: [UInt8]) {
    events.append(event)
    bytes += event.count
    var gone = 0
    while bytes > limit, gone < events.count {
      bytes -= events[gone].count
      gone += 1
    }
    guard gone > 0 else { return }
    events.removeFirst(gone)
    first += gone
  }

  /// Keeps none of the past.
  mutating func forget() {
    first += events.count
    events = []
    bytes = 0
  }

  /// What is kept of what came after this number; nil where the number was never given.
  func after(_ number: Int) -> [UInt8]? {
    guard number >= 0, number <= last else { return nil }
    return Array(events[max(0, number - first + 1)...].joined())
  }
}
