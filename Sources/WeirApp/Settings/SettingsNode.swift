internal import Yams

/// A place in the configuration: the YAML node, its path and its file. Every accessor throws an error that says where, what and what instead.
struct SettingsNode {
  let node: Node
  let path: String
  let file: String
  /// Resolves `${file:…}` and `${env:…}`.
  let secrets: SecretSource

  /// Parses a file; an empty one is an empty mapping.
  static func root(of text: String, file: String, secrets: SecretSource) throws(SettingsError) -> SettingsNode {
    do {
      let node = try Yams.compose(yaml: text) ?? Node([:])
      return SettingsNode(node: node, path: "", file: file, secrets: secrets)
    } catch let error as YamlError {
      throw Self.error(error, in: text, file: file)
    } catch {
      throw SettingsError(file: file, line: nil, key: "", message: "is no YAML: \(error)")
    }
  }

  private static func error(_ error: YamlError, in text: String, file: String) -> SettingsError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      SettingsError(file: file, line: mark.line, key: "", message: "is no YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      if let name = duplicates.first, let key = DoubledKey(name, first: context.mark, in: text) {
        SettingsError(file: file, line: key.line, key: key.path, message: "is there twice, first in line \(context.mark.line); keep one of them")
      } else {
        SettingsError(file: file, line: context.mark.line, key: duplicates.joined(separator: ", "), message: "is there twice; keep one of them")
      }
    default:
      SettingsError(file: file, line: nil, key: "", message: "is no YAML: \(error)")
    }
  }

  func error(_ message: String) -> SettingsError {
    SettingsError(file: file, line: node.mark?.line, key: path, message: message)
  }

  private func child(_ node: Node, _ name: String) -> SettingsNode {
    SettingsNode(node: node, path: path.isEmpty ? name : "\(path).\(name)", file: file, secrets: secrets)
  }

  /// The members of a mapping whose keys are a closed list.
  func mapping(_ allowed: String...) throws(SettingsError) -> SettingsMapping { try mapping(oneOf: allowed) }

  /// The same for a list that is made elsewhere.
  func mapping(oneOf allowed: [String]) throws(SettingsError) -> SettingsMapping {
    let members = try entries()
    for (name, value) in members where !allowed.contains(name) {
      let hint =
        Suggestion.nearest(to: name, among: allowed).map { "; did you mean \"\($0)\"?" }
        ?? "; known here: \(allowed.sorted().joined(separator: ", "))"
      throw value.error("is not a key that Weir knows\(hint)")
    }
    return SettingsMapping(owner: self, members: Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first })
  }

  /// The members of a mapping whose keys are names of the operator's choice, in the order of the file.
  func entries() throws(SettingsError) -> [(name: String, value: SettingsNode)] {
    if case .scalar = node, isNull { return [] }
    guard case .mapping(let mapping) = node else { throw error("must be a mapping of keys to values") }
    var entries: [(name: String, value: SettingsNode)] = []
    for (key, value) in mapping {
      guard case .scalar(let scalar) = key else { throw error("has a key that is no text") }
      let marked = SettingsNode(node: value, path: path.isEmpty ? scalar.string : "\(path).\(scalar.string)", file: file, secrets: secrets)
      entries.append((scalar.string, marked))
    }
    return entries
  }

  /// The elements of a list; a single scalar is a list of one.
  func elements() throws(SettingsError) -> [SettingsNode] {
    switch node {
    case .sequence(let sequence): return sequence.enumerated().map { child($0.element, "\($0.offset)") }
    case .scalar where isNull: return []
    case .scalar: return [self]
    default: throw error("must be a list")
    }
  }

  /// A scalar's text, with secrets resolved.
  func text() throws(SettingsError) -> String {
    guard case .scalar(let scalar) = node, !isNull else { throw error("must be a text") }
    do {
      return try secrets.resolve(scalar.string)
    } catch {
      throw self.error(error.message)
    }
  }

  /// - Parameter echo: whether the error may show what stands there. Never shown is what came out of a reference to a secret.
  func value<Value>(_ help: String, echo: Bool = true, _ parse: (String) -> Value?) throws(SettingsError) -> Value {
    let text = try text()
    guard let value = parse(text) else {
      throw error(echo && node.string == text ? "\"\(text)\" is not \(help)" : "is not \(help)")
    }
    return value
  }

  /// Whether keys and values stand here.
  var isMapping: Bool {
    if case .mapping = node { true } else { false }
  }

  private var isNull: Bool {
    guard case .scalar(let scalar) = node else { return false }
    return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
  }
}

/// A mapping whose keys were checked.
struct SettingsMapping {
  let owner: SettingsNode
  let members: [String: SettingsNode]

  subscript(_ name: String) -> SettingsNode? { members[name] }

  func text(_ name: String) throws(SettingsError) -> String? {
    guard let node = members[name] else { return nil }
    return try node.text()
  }

  func value<Value>(_ name: String, _ help: String, echo: Bool = true, _ parse: (String) -> Value?) throws(SettingsError) -> Value? {
    guard let node = members[name] else { return nil }
    return try node.value(help, echo: echo, parse)
  }

  func duration(_ name: String) throws(SettingsError) -> Duration? {
    try value(name, Quantity.durationHelp, Quantity.duration)
  }

  func bytes(_ name: String) throws(SettingsError) -> Int? {
    try value(name, Quantity.sizeHelp, Quantity.bytes)
  }

  /// A time or size that would let nothing through if it were 0.
  func limit(_ name: String) throws(SettingsError) -> Duration? {
    try nonzero(name, try duration(name), .zero, "a time such as 30s")
  }

  /// The same for sizes.
  func limit(_ name: String) throws(SettingsError) -> Int? {
    try nonzero(name, try bytes(name), 0, "a size such as 32MiB")
  }

  private func nonzero<Value: Equatable>(_ name: String, _ value: Value?, _ zero: Value, _ help: String) throws(SettingsError) -> Value? {
    if let node = members[name], value == zero { throw node.error("is 0 and would let nothing through; write \(help), or leave it out") }
    return value
  }

  func count(_ name: String) throws(SettingsError) -> Int? {
    try value(name, "a whole number from 1 on") { text in Int(text).flatMap { $0 >= 1 ? $0 : nil } }
  }

  func flag(_ name: String) throws(SettingsError) -> Bool? {
    try value(name, "true or false") { ["true": true, "false": false][$0] }
  }

  func texts(_ name: String) throws(SettingsError) -> [String]? {
    guard let node = members[name] else { return nil }
    var texts: [String] = []
    for element in try node.elements() { texts.append(try element.text()) }
    return texts
  }
}
