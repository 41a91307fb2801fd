/// A page of metrics being written: samples of one name stand together, with one `HELP` and one `TYPE` line, as the format demands.
package struct MetricsPage: Sendable {
  private struct Block {
    var header: String
    var lines: String
  }

  private var order: [String] = []
  private var blocks: [String: Block] = [:]

  package init() {}

  package typealias Labels = [(String, String)]

  package mutating func gauge(_ name: String, _ help: String, _ labels: Labels = [], _ value: Double) {
    sample(name, help, type: "gauge", "\(name)\(Self.text(labels)) \(Self.text(value))\n")
  }

  package mutating func counter(_ name: String, _ help: String, _ labels: Labels = [], _ value: Double) {
    sample(name, help, type: "counter", "\(name)\(Self.text(labels)) \(Self.text(value))\n")
  }

  package mutating func histogram(_ name: String, _ help: String, _ labels: Labels, _ histogram: DurationHistogram) {
    var lines = ""
    let counts = histogram.cumulativeCounts
    for (bound, count) in zip(histogram.bounds, counts) {
      lines += "\(name)_bucket\(Self.text(labels + [("le", Self.text(bound))])) \(count)\n"
    }
    let total = counts.last ?? 0
    lines += "\(name)_bucket\(Self.text(labels + [("le", "+Inf")])) \(total)\n"
    lines += "\(name)_sum\(Self.text(labels)) \(Self.text(histogram.sumInSeconds))\n"
    lines += "\(name)_count\(Self.text(labels)) \(total)\n"
    sample(name, help, type: "histogram", lines)
  }

  private mutating func sample(_ name: String, _ help: String, type: String, _ lines: String) {
    if blocks[name] == nil {
      order.append(name)
      blocks[name] = Block(header: "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(type)\n", lines: "")
    }
    blocks[name]?.lines += lines
  }

  /// The finished page.
  package func finish() -> [UInt8] {
    var text = ""
    for name in order {
      guard let block = blocks[name] else { continue }
      text += block.header
      text += block.lines
    }
    return Array(text.utf8)
  }

  private static func text(_ labels: Labels) -> String {
    if labels.isEmpty { return "" }
    return "{" + labels.map { "\($0.0)=\"\(escaped($0.1, quotes: true))\"" }.joined(separator: ",") + "}"
  }

  private static func text(_ value: Double) -> String {
    if let whole = Int64(exactly: value) { return String(whole) }
    return String(value)
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): result += [byte, byte]
      case UInt8(ascii: "\n"): result += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      case UInt8(ascii: "\"") where quotes: result += [UInt8(ascii: "\\"), byte]
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
