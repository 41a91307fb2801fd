import NIOHTTP1
import Testing
import WeirCore

@testable import WeirServer

@Suite("Header text")
struct ASCIITests {
  @Test(
    "a list has its members, whatever their case, spaces and parameters",
    arguments: [
      ("close", true), ("Close", true), (" close ", true), ("keep-alive, CLOSE", true), ("a,close;q=1", true), ("close ;x", true), ("close,", true),
      ("", false), (",", false), ("closed", false), ("clos", false), ("x close", false), ("close x", false), (";close", false), ("ｃlose", false),
    ])
  func lists(text: String, has: Bool) {
    #expect(ASCII.list(text, contains: "close") == has)
  }

  @Test(
    "dates are written as HTTP wants them",
    arguments: [
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (1_795_392_000, "Mon, 23 Nov 2026 00:00:00 GMT"), (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
    ] as [(Int64, String)])
  func dates(seconds: Int64, text: String) {
    #expect(String(decoding: HTTPDate.text(seconds), as: UTF8.self) == text)
  }
}

@Suite("Header fields")
struct RequestFieldsTests {
  @Test("issue 4: whitespace around a value is no part of it", arguments: ["tool", " tool", "tool ", "\t tool \t"])
  func whitespace(value: String) {
    let fields = RequestFields(HTTPHeaders([("Mcp-Name", value), ("Mcp-Param-Region", value)]))
    #expect(fields.name == "tool")
    #expect(fields.parameters == ["mcp-param-region": "tool"])
  }
}
