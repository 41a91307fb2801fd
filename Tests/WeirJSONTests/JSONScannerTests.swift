import Testing
import WeirJSON

@Suite("Scanning")
struct JSONScannerTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    let document: String
    let code: JSONError.Code
    let offset: Int
    var testDescription: String { document }
    init(_ document: String, _ code: JSONError.Code, _ offset: Int) { (self.document, self.code, self.offset) = (document, code, offset) }
  }

  static let refusals = [
    Refusal("", .unexpectedEnd, 0), Refusal("  ", .unexpectedEnd, 2), Refusal("[", .unexpectedEnd, 1), Refusal("{\"a\"", .unexpectedEnd, 4),
    Refusal("{\"a\":", .unexpectedEnd, 5), Refusal("{\"a\":1", .unexpectedEnd, 6), Refusal("\"a", .unexpectedEnd, 2),
    Refusal("\"\\", .unexpectedEnd, 2), Refusal("\"\\u12", .unexpectedEnd, 5), Refusal("tru", .unexpectedEnd, 3), Refusal("-", .unexpectedEnd, 1),
    Refusal("1.", .unexpectedEnd, 2), Refusal("1e+", .unexpectedEnd, 3), Refusal("nul!", .unexpectedByte, 3), Refusal("[1,]", .unexpectedByte, 3),
    Refusal("[,1]", .unexpectedByte, 1), Refusal("[1 2]", .unexpectedByte, 3), Refusal("{\"a\":1,}", .unexpectedByte, 7),
    Refusal("{a:1}", .unexpectedByte, 1), Refusal("{\"a\" 1}", .unexpectedByte, 5), Refusal("{\"a\":1]", .unexpectedByte, 6),
    Refusal("[1}", .unexpectedByte, 2), Refusal("1 2", .trailingContent, 2), Refusal("{}}", .trailingContent, 2),
    Refusal("\u{FEFF}{}", .byteOrderMark, 0), Refusal("01", .invalidNumber, 0), Refusal("-01", .invalidNumber, 0), Refusal("[1.]", .invalidNumber, 3),
    Refusal("[-a]", .invalidNumber, 2), Refusal("[1ex]", .invalidNumber, 3), Refusal("\"\\x\"", .invalidEscape, 1),
    Refusal("\"\\u12G4\"", .invalidEscape, 1), Refusal("\"ab\\ud800\"", .loneSurrogate, 3), Refusal("\"\\ud800\\u0041\"", .loneSurrogate, 1),
    Refusal("\"\\udc00\"", .loneSurrogate, 1), Refusal("\"\\ud800\\n\"", .loneSurrogate, 1), Refusal("\"a\nb\"", .controlCharacter, 2),
    Refusal("\"12345678\u{1F}\"", .controlCharacter, 9), Refusal("{\"a\":1,\"b\":2,\"a\":3}", .duplicateMember, 13),
    Refusal("{\"a\":1,\"\\u0061\":3}", .duplicateMember, 7), Refusal("[{\"\":1,\"\":1}]", .duplicateMember, 7),
  ]

  @Test("a fault is named with its place", arguments: refusals)
  func refuses(_ refusal: Refusal) throws {
    let error = #expect(throws: JSONError.self) { _ = try parse(refusal.document) }
    #expect(error?.code == refusal.code)
    #expect(error?.offset == refusal.offset)
    #expect(error?.message.contains("\n") == false)
  }

  @Test("bytes that are no UTF-8 are refused at any place of a word", arguments: 0..<17)
  func invalidUTF8(padding: Int) {
    let faults: [[UInt8]] = [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
      [0xE2, 0x82],
      [0xEF, 0xBF, 0x7F], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98],
      [0xFE], [0xFF],
    ]
    for fault in faults {
      let bytes = Array("\"".utf8) + Array(repeating: UInt8(ascii: "x"), count: padding) + fault + Array("\"".utf8)
      let error = #expect(throws: JSONError.self) { _ = try JSONDocument(parsing: bytes) }
      #expect(error?.code == .invalidUTF8, "\(fault)")
      #expect(error?.offset == padding + 1)
    }
  }

  @Test("a string ends at its quotation mark wherever that stands in a word", arguments: 0..<20)
  func strings(length: Int) throws {
    for character in ["x", "é", "€", "😂", "\u{7F}", "\u{10FFFF}"] {
      let content = String(repeating: character, count: length)
      let value = try parse("[\"\(content)\",1]")
      #expect(value[0]?.string.map { Array($0.utf8) } == Array(content.utf8))
      #expect(value[1]?.int == 1)
    }
  }

  @Test("every escape says what RFC 8259 says")
  func escapes() throws {
    let value = try parse(#""\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC\uD83D\uDE02\uffff""#)
    #expect(value.stringBytes == Array("\"\\/\u{8}\u{C}\n\r\t\u{0}é€😂\u{FFFF}".utf8))
  }

  @Test("depth counts up to the limit and no further")
  func depth() throws {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    _ = try parse(nested(64))
    let error = #expect(throws: JSONError.self) { _ = try parse(nested(65)) }
    #expect(error?.code == .tooDeep)
    #expect(error?.offset == 64)
    _ = try parse(nested(3), limits: JSONLimits(maxDepth: 3))
    #expect(throws: JSONError.self) { _ = try parse("{\"a\":[{}]}", limits: JSONLimits(maxDepth: 2)) }
    _ = try parse(nested(1000), limits: .trusted).canonical()
    #expect(throws: JSONError.self) { _ = try parse(nested(1001), limits: .trusted) }
  }

  @Test("size and number of values are limited")
  func limits() throws {
    _ = try parse("[1,2]", limits: JSONLimits(maxBytes: 5))
    #expect(throws: JSONError.self) { _ = try parse("[1,2]", limits: JSONLimits(maxBytes: 4)) }
    _ = try parse("{\"a\":[1,2]}", limits: JSONLimits(maxMembers: 4))
    let error = #expect(throws: JSONError.self) { _ = try parse("{\"a\":[1,2]}", limits: JSONLimits(maxMembers: 3)) }
    #expect(error?.code == .tooManyMembers)
  }

  @Test("duplicates are found among many members", arguments: [2, 3, 8, 9, 10, 100, 1000])
  func manyMembers(count: Int) throws {
    let names = (0..<count).map { "\"n\($0)\":\($0)" }
    let value = try parse("{\(names.joined(separator: ","))}")
    #expect(value.count == count)
    #expect(value["n\(count - 1)"]?.int == count - 1)
    for spelling in ["n0", "\\u006e0", "n\(count - 1)"] {
      let error = #expect(throws: JSONError.self) { _ = try parse("{\(names.joined(separator: ",")),\"\(spelling)\":0}") }
      #expect(error?.code == .duplicateMember)
    }
  }

  @Test("a name may come back in another object")
  func duplicatesAreLocal() throws {
    let inner = (0..<20).map { "\"k\($0)\":{\"k\($0)\":[{\"k\($0)\":1}]}" }.joined(separator: ",")
    #expect(try parse("{\(inner)}").count == 20)
  }

  @Test("200,000 members, with and without escapes, are scanned before a quadratic search would be done", .timeLimit(.minutes(5)))
  func linear() throws {
    for prefix in ["n", "\\u006e"] {
      let members = (0..<200_000).map { "\"\(prefix)\($0)\":0" }.joined(separator: ",")
      let value = try parse("{\(members)}", limits: .trusted)
      #expect(value.count == 200_000)
      #expect(try value.canonical().count > 200_000)
    }
  }
}
