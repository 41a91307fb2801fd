import Testing
import WeirCore

@Suite("Names")
struct NameTests {
  @Test(
    "names that Swift's strings hold equal are different names",
    arguments: [("K", "\u{212A}"), ("\u{E9}", "e\u{301}"), (";", "\u{37E}"), ("`", "\u{1FEF}")])
  func bytes(_ left: String, _ right: String) {
    #expect(left == right)
    #expect(Name(left) != Name(right))
    #expect(Set([Name(left), Name(right)]).count == 2)
  }

  @Test(
    "names are equal where all their bytes are, wherever they lie",
    arguments: ["", "a", "\u{0}", "ends-in-15-bytes", "a name that is too long to be kept in place", "\u{E9}\u{1F9FE}", "a\u{323}\u{301}"])
  func equal(_ text: String) {
    let copy = Name(String(decoding: Array(text.utf8), as: UTF8.self))
    #expect(Name(text) == copy)
    #expect(Name(text).hashValue == copy.hashValue)
    #expect(Name(text) != Name(text + "\u{0}"))
    #expect(Name("x" + text) != Name("y" + text))
    #expect(text.isEmpty || Name(String(text.unicodeScalars.dropLast())) != Name(text))
  }

  @Test("the order of combining marks makes another name")
  func marks() {
    #expect("a\u{323}\u{301}" == "a\u{301}\u{323}")
    #expect(Name("a\u{323}\u{301}") != Name("a\u{301}\u{323}"))
  }

  @Test("bytes that are no UTF-8 are no name")
  func invalid() {
    #expect(Name(utf8: [0xC3, 0x28]) == nil)
    #expect(Name(utf8: Array("ok".utf8)) == "ok")
  }

  @Test(
    "a star stands for any run of characters",
    arguments: [
      ("*", "", true), ("*", "anything", true), ("get_*", "get_price", true), ("get_*", "set_price", false), ("*price", "get_price", true),
      ("a*b*c", "aXbYc", true), ("a*b*c", "aXcYb", false), ("", "", true), ("", "x", false), ("a*", "a", true), ("*a*", "bab", true),
      ("get", "get_price", false),
    ])
  func globs(_ pattern: String, _ text: String, _ expected: Bool) {
    #expect(Glob.matches(pattern.utf8, text.utf8) == expected)
  }

  @Test("a pattern of many stars does not take for ever")
  func globsEnd() {
    let pattern = String(repeating: "a*", count: 200) + "b"
    #expect(!Glob.matches(pattern.utf8, String(repeating: "a", count: 5000).utf8))
  }
}
