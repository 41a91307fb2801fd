/// A password: its description, and so every log line and error that mentions it, reads `***`.
package struct RedisPassword: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The text itself, for the one place that sends it.
  package let reveal: String

  package init(_ text: String) {
    reveal = text
  }

  package var description: String { "***" }
  package var debugDescription: String { "***" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
