package import Logging
internal import NIOConcurrencyHelpers
internal import WeirCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// One line for each event on standard error: time, level, message, then `key=value` for each piece of metadata (logfmt). Nothing in a value
/// can break out of its line: control characters are escaped, long values are cut.
package struct LineLogHandler: LogHandler {
  private static let maxValueBytes = 2048

  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]

  package init(level: Logger.Level) {
    self.logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let all = event.metadata.map { metadata.merging($0) { _, new in new } } ?? metadata
    var line = Self.timestamp() + Array(" \(event.level.rawValue) ".utf8)
    Self.append(event.message.description, to: &line)
    for key in all.keys.sorted() {
      line += Array(" \(key)=".utf8)
      Self.appendValue(all[key]?.description ?? "", to: &line)
    }
    line.append(UInt8(ascii: "\n"))
    // One write, so that lines of several threads don't mix.
    line.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  private static func appendValue(_ value: String, to line: inout [UInt8]) {
    let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
    if isPlain, value.utf8.count <= maxValueBytes {
      line += value.utf8
      return
    }
    line.append(UInt8(ascii: "\""))
    append(value, to: &line)
    line.append(UInt8(ascii: "\""))
  }

  private static func append(_ text: String, to line: inout [UInt8]) {
    var room = maxValueBytes
    for scalar in text.unicodeScalars {
      let piece: String
      switch scalar.value {
      case 0x22: piece = "\\\""
      case 0x5C: piece = "\\\\"
      case 0x0A: piece = "\\n"
      case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xE0000...0xE007F:
        piece = "\\u{\(String(scalar.value, radix: 16))}"
      default: piece = String(scalar)
      }
      room -= piece.utf8.count
      if room < 0 {
        line += "…".utf8
        return
      }
      line += piece.utf8
    }
  }

  private static func timestamp() -> [UInt8] {
    let now = SystemTime().wall()
    let day = CivilDate(now)
    let rest = Int(now.milliseconds - Int64(day.days) * 86_400_000)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    let second = rest / 1000
    return Array("\(day.text)T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2)).\(padded(rest % 1000, 3))Z".utf8)
  }
}
