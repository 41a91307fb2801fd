/// A text that must not be shown: its description, and so every log line and error that mentions it, reads `***`.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
  /// The text itself, for the one place that sends it.
  package let reveal: String

  package init(_ text: String) {
    self.reveal = text
  }

  package var description: String { "***" }
  package var debugDescription: String { "***" }
}
