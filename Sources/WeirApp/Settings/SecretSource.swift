internal import FoundationEssentials

/// Where `${file:PATH}` and `${env:NAME}` in a configuration take their values from.
struct SecretSource: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
  }

  let environment: [String: String]
  let read: @Sendable (String) throws -> String

  /// The process's environment and the file system.
  static let machine = SecretSource(environment: ProcessInfo.processInfo.environment) { path in
    try String(contentsOfFile: path, encoding: .utf8)
  }

  /// The text with every reference replaced. A file's trailing line end is not part of the secret.
  func resolve(_ text: String) throws(Failure) -> String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.utf8.firstIndex(of: UInt8(ascii: "$")) {
      let opening = rest.utf8.index(after: dollar)
      result += rest[..<dollar]
      rest = rest[opening...]
      guard rest.utf8.first == UInt8(ascii: "{") else {
        result += "$"
        continue
      }
      guard let closing = rest.utf8.firstIndex(of: UInt8(ascii: "}")) else { throw Failure(message: "has a \"${\" without its \"}\"") }
      result += try value(of: String(rest[rest.utf8.index(after: rest.startIndex)..<closing]))
      rest = rest[rest.utf8.index(after: closing)...]
    }
    return result + rest
  }

  private func value(of reference: String) throws(Failure) -> String {
    if reference.hasPrefix("env:") {
      let name = String(reference.dropFirst(4))
      guard let value = environment[name] else { throw Failure(message: "refers to the environment variable \(name), which is not set") }
      return value
    }
    if reference.hasPrefix("file:") {
      let path = String(reference.dropFirst(5))
      return try contents(of: path)
    }
    throw Failure(message: "\"${\(reference)}\" is neither ${file:PATH} nor ${env:NAME}")
  }

  /// A file's text without the trailing line end, which is not part of the secret.
  func contents(of path: String) throws(Failure) -> String {
    guard let text = try? read(path) else { throw Failure(message: "refers to the file \(path), which can't be read") }
    var bytes = Array(text.utf8)
    while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }
}
