/// Something in the configuration that Weir can't start with: where it stands, what is wrong, what to write instead.
package struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
  package let file: String
  /// Counts from 1; nil where no line is to blame.
  package let line: Int?
  /// The dotted path of the key, such as `upstreams.aws-billing.command`; empty for the whole file.
  package let key: String
  package let message: String

  package init(file: String, line: Int?, key: String, message: String) {
    self.file = file
    self.line = line
    self.key = key
    self.message = message
  }

  /// One line: `weir.yaml:12: upstreams.aws.comand: …`.
  package var description: String {
    let place = line.map { "\(file):\($0)" } ?? file
    return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
  }
}
