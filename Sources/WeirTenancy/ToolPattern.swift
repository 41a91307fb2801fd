package import WeirCore

/// A pattern for tools: `<upstream>/<tool>`, where `*` stands for any run of characters on its side of the slash. Compared by bytes.
package struct ToolPattern: Sendable, Hashable, CustomStringConvertible {
  private let upstream: [UInt8]
  private let tool: [UInt8]
  /// The pattern as it was written.
  package let description: String

  /// `*` alone means every tool of every upstream; nil for a text without a slash, with two, or with an empty side.
  package init?(_ text: String) {
    description = text
    if text.utf8.elementsEqual("*".utf8) {
      upstream = Array("*".utf8)
      tool = Array("*".utf8)
      return
    }
    let sides = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else { return nil }
    upstream = Array(sides[0])
    tool = Array(sides[1])
  }

  /// True where both sides match.
  package func matches(upstream: Name, tool: Name) -> Bool {
    Glob.matches(self.upstream, upstream.utf8) && Glob.matches(self.tool, tool.utf8)
  }

  /// True where some tool of this upstream could match.
  package func mayMatch(upstream: Name) -> Bool {
    Glob.matches(self.upstream, upstream.utf8)
  }

  /// True where every tool of this upstream matches.
  package func matchesAll(of upstream: Name) -> Bool {
    mayMatch(upstream: upstream) && tool.allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
