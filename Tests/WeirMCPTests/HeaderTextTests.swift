import Testing
import WeirMCP

@Suite("Header values")
struct HeaderTextTests {
  static let pairs: [(String, String)] = [
    ("get_weather", "get_weather"), ("", ""), ("a b", "a b"), ("us-west1", "us-west1"), ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
    (" padded ", "=?base64?IHBhZGRlZCA=?="), ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
    ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ("=?base64??=", "=?base64?PT9iYXNlNjQ/Pz0=?="), ("=?base64?open", "=?base64?open"), ("=?base64?=", "=?base64?="),
    ("=?BASE64?x?=", "=?BASE64?x?="),
    ("\t", "=?base64?CQ==?="), ("a\tb", "=?base64?YQli?="), ("\u{7F}", "=?base64?fw==?="), ("\u{0}", "=?base64?AA==?="), ("x ", "=?base64?eCA=?="),
  ]

  @Test("what a header cannot carry is wrapped, and comes back", arguments: pairs)
  func encodes(name: String, value: String) {
    #expect(Array(HeaderText.encode(name).utf8) == Array(value.utf8))
    #expect(HeaderText.decode(value) == Array(name.utf8))
  }

  @Test(
    "faulty values are refused",
    arguments: [
      "=?base64?A?=", "=?base64?AA?=", "=?base64?AAA?=", "=?base64?A===?=", "=?base64?====?=", "=?base64?AB==?=", "=?base64?AA=A?=",
      "=?base64?AA==AAAA?=",
      "=?base64?A-_A?=", "=?base64?AA A?=", "=?base64? AAAA?=", "é", "a\nb", "a\r\nb", "\u{0}", "\u{7F}",
    ])
  func refuses(value: String) {
    #expect(HeaderText.decode(value) == nil)
  }

  @Test("every length and every byte come back")
  func roundTrip() {
    for length in 1...64 {
      let name = String(String.UnicodeScalarView((0..<length).compactMap { Unicode.Scalar(UInt32(($0 * 37 + length * 11) % 0x250)) })) + "é"
      #expect(HeaderText.decode(HeaderText.encode(name)) == Array(name.utf8))
    }
  }
}
