internal import Yams

/// Where a key stands that its mapping had already. The parser says which, and where the first is; the second is in the first line with which a
/// file that ends there has the same fault.
struct DoubledKey {
  /// The second's.
  let line: Int
  /// From the root.
  let path: String

  /// Nil where that can't be told: both in one line, or one of them written with escapes.
  init?(_ name: String, first: Mark, in text: String) {
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    func head(_ count: Int) -> String { lines.prefix(count).map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n") }
    for index in lines.indices where index >= first.line && String(decoding: lines[index], as: UTF8.self).contains(name) {
      guard Self.isDoubled(first, in: head(index + 1)) else { continue }
      guard let root = try? Yams.compose(yaml: head(index)), let path = Self.path(to: first, in: root) else { return nil }
      (self.line, self.path) = (index + 1, path)
      return
    }
    return nil
  }

  private static func isDoubled(_ first: Mark, in text: String) -> Bool {
    do {
      _ = try Yams.compose(yaml: text)
    } catch YamlError.duplicatedKeysInMapping(_, let context) {
      return isSame(context.mark, first)
    } catch {
      // The file does not end well here.
    }
    return false
  }

  private static func path(to key: Mark, in node: Node) -> String? {
    switch node {
    case .mapping(let mapping):
      for (name, value) in mapping {
        guard let text = name.scalar?.string else { continue }
        if let mark = name.mark, isSame(mark, key) { return text }
        if let rest = path(to: key, in: value) { return "\(text).\(rest)" }
      }
    case .sequence(let sequence):
      for (index, value) in sequence.enumerated() {
        if let rest = path(to: key, in: value) { return "\(index).\(rest)" }
      }
    default: break
    }
    return nil
  }

  private static func isSame(_ one: Mark, _ other: Mark) -> Bool { one.line == other.line && one.column == other.column }
}
