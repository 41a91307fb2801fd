package import WeirCore

/// Takes secrets out of lines that other programs wrote: known values, and what looks like a credential. Rather too much than too little.
package struct Redactor: Sendable {
  /// Without known values.
  package static let patterns = Redactor(values: [])

  private let values: [String]

  /// `values` are replaced wherever they stand; those shorter than 6 bytes are left, because they would match everywhere.
  package init(values: [String]) {
    self.values = values.filter { $0.utf8.count >= 6 }.sorted { $0.utf8.count > $1.utf8.count }
  }

  /// Knows the values of those variables whose names speak of secrets.
  package init(environment: [String: Secret]) {
    self.init(values: environment.filter { Self.isSecretName($0.key) }.map(\.value.reveal))
  }

  /// Whether a variable of this name holds a secret.
  package static func isSecretName(_ name: String) -> Bool {
    let name = name.uppercased()
    return ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "KEY", "CREDENTIAL", "AUTH", "COOKIE", "DSN", "CONNECTION_STRING"].contains { name.contains($0) }
  }

  /// The line with every secret replaced by `***`.
  package func redact(_ line: String) -> String {
    var line = line
    for value in values { line = Self.replace(value, in: line) }
    return String(decoding: SecretScanner(Array(line.utf8)).redacted(), as: UTF8.self)
  }

  private static func replace(_ value: String, in line: String) -> String {
    let pattern = Array(value.utf8)
    let text = Array(line.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index] == pattern[0], text[index...].starts(with: pattern) {
        result.append(contentsOf: "***".utf8)
        index += pattern.count
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
