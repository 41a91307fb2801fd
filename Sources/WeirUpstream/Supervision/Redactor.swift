package import WeirCore
internal import WeirJSON
package import WeirMCP

/// Takes secrets out of lines that other programs wrote: known values, and what looks like a credential. Rather too much than too little.
package struct Redactor: Sendable {
  /// Without known values.
  package static let patterns = Redactor(values: [])

  /// A longer text is not told at all: cut, it could end in half a secret.
  private static let longestText = 8 * 1024

  private let values: [[UInt8]]

  /// `values` are replaced wherever they stand, and the lines of those that have several; what is shorter than 6 bytes is left, because it
  /// would match everywhere.
  package init(values: [String]) {
    let all = values.map { Array($0.utf8) }
    let lines = all.flatMap { value in value.split { $0 == 0x0A || $0 == 0x0D }.map { Array($0) } }
    self.values = Set(all + lines).filter { $0.count >= 6 }.sorted { $0.count > $1.count }
  }

  /// Knows the values of those variables whose names speak of secrets.
  package init(environment: [String: Secret]) {
    self.init(values: environment.filter { Self.isSecretName($0.key) }.map(\.value.reveal))
  }

  /// Knows the values of these headers, what stands behind a scheme such as `Bearer`, and the path of the URL with its longer parts: some
  /// servers take their key there.
  package init(headers: [(name: String, value: Secret)], url: String) {
    let values = headers.map(\.value.reveal)
    let credentials = values.flatMap { value in value.split(separator: " ", maxSplits: 1).dropFirst().map { String($0) } }
    let path = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).dropFirst(2).joined()
    let parts = path.split { "/?&=#".contains($0) }.filter { $0.utf8.count >= 16 }.map { String($0) }
    self.init(values: values + credentials + (path.utf8.count >= 16 ? [path] : []) + parts)
  }

  /// Whether a variable of this name holds a secret.
  package static func isSecretName(_ name: String) -> Bool {
    let name = name.uppercased()
    return ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "KEY", "CREDENTIAL", "AUTH", "COOKIE", "DSN", "CONNECTION_STRING"]
      .contains { name.contains($0) }
  }

  /// The line with every secret replaced by `***`.
  package func redact(_ line: String) -> String {
    var text = Array(line.utf8)
    for value in values where holds(value, text) { text = Self.replace(value, in: text) }
    return String(decoding: SecretScanner(text).redacted(), as: UTF8.self)
  }

  /// What an upstream says of an error, fit to be told to clients, in the log and at `/readyz`: one line without secrets and URLs.
  package func clean(_ text: String, limit: Int = 500) -> String {
    guard text.utf8.count <= Self.longestText else { return "(a text of \(text.utf8.count) bytes)" }
    return ErrorText.clean(URLScanner.withoutURLs(redact(text)), limit: limit)
  }

  /// The error with a message that can be told. `data` that holds a known secret is left out.
  package func clean(_ error: RPCErrorObject) -> RPCErrorObject {
    let data = error.data.flatMap { data in
      values.isEmpty || (try? JSONDocument(parsing: data)).map { isClean($0.root) } == true ? data : nil
    }
    return RPCErrorObject(code: error.code, message: clean(error.message), data: data)
  }

  private func isClean(_ value: JSONValue) -> Bool {
    switch value.kind {
    case .object: value.members.allSatisfy { isClean($0.name) && isClean($0.value) }
    case .array: value.elements.allSatisfy { isClean($0) }
    case .string: value.stringBytes.map { text in !values.contains { holds($0, text) } } ?? false
    default: !values.contains { holds($0, value.raw) }
    }
  }

  private func holds(_ value: [UInt8], _ text: [UInt8]) -> Bool {
    text.indices.contains { text[$0] == value[0] && text[$0...].starts(with: value) }
  }

  private static func replace(_ pattern: [UInt8], in text: [UInt8]) -> [UInt8] {
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
    return result
  }
}
