import Testing
import WeirJSON

@Suite("Values")
struct JSONValueTests {
  @Test("a cursor finds members by unescaped bytes")
  func members() throws {
    let value = try parse(#" { "a" : 1, "\u0062" : [true, null, "x"], "é": {"c":-0.5} } "#)
    #expect(value.kind == .object)
    #expect(value.count == 3)
    #expect(value["a"]?.int == 1)
    #expect(value["b"]?.count == 3)
    #expect(value["b"]?[0]?.bool == true)
    #expect(value["b"]?[1]?.isNull == true)
    #expect(value["b"]?[2]?.isString("x") == true)
    #expect(value["é"]?["c"]?.double == -0.5)
    // The same letter as e and a combining accent: other bytes, another name.
    #expect(value["e\u{301}"] == nil)
    #expect(value["\\u0062"] == nil)
    #expect(value["missing"] == nil)
    #expect(value["a"]?["a"] == nil)
    #expect(value[0] == nil)
    #expect(value["b"]?[3] == nil)
    #expect(value["b"]?[-1] == nil)
  }

  @Test("members and elements come in document order, nested ones skipped")
  func sequences() throws {
    let value = try parse(#"{"z":[1,[2,{"q":3}],4],"a":{"b":{"c":1}},"m":"x"}"#)
    #expect(value.members.map { text($0.name.rawBytes) } == ["\"z\"", "\"a\"", "\"m\""])
    #expect(value.members.map { text($0.value.rawBytes) } == ["[1,[2,{\"q\":3}],4]", "{\"b\":{\"c\":1}}", "\"x\""])
    #expect(value["z"]?.elements.map { text($0.rawBytes) } == ["1", "[2,{\"q\":3}]", "4"])
    #expect(Array(value.elements).isEmpty)
    #expect(value["m"].map { Array($0.members).isEmpty } == true)
  }

  @Test("ranges and raw bytes are those of the document, whitespace left out")
  func ranges() throws {
    let value = try parse("  [ 1.50 , \"a\\n\" ]\n")
    #expect(value.range == 2..<18)
    #expect(value[0].map { text($0.raw) } == "1.50")
    #expect(value[0]?.numberText.map { text($0) } == "1.50")
    #expect(value[1]?.range == 11..<16)
    #expect(value[1]?.numberText == nil)
  }

  @Test("strings compare by bytes, escaped or not")
  func strings() throws {
    let value = try parse(#"["tools/call","tools\/call","\u0074ools/call","K","\u212a","",5]"#)
    for index in 0..<3 { #expect(value[index]?.isString("tools/call") == true) }
    #expect(value[3]?.isString("\u{212A}") == false)
    #expect(value[4]?.isString("\u{212A}") == true)
    #expect(value[4]?.isString("K") == false)
    #expect(value[5]?.isString("") == true)
    #expect(value[5]?.string == "")
    #expect(value[6]?.isString("5") == false)
    #expect(value[6]?.string == nil)
    #expect(value[0]?.isString("tools/cal") == false)
  }

  static let integers: [(String, Int?)] = [
    ("0", 0), ("-0", 0), ("1", 1), ("-1", -1), ("1.0", 1), ("1.5", nil), ("1e2", 100), ("100e-2", 1), ("10e-2", nil), ("0.1e1", 1), ("12.50e1", 125),
    ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9223372036854775808", nil), ("-9223372036854775809", nil),
    ("9.223372036854775807e18", .max), ("1e18", 1_000_000_000_000_000_000), ("1e19", nil), ("1e999999999", nil), ("0e999999999999999999999", 0),
    ("0.000e-99999999999999999999999", 0), ("1e99999999999999999999999", nil), ("1e-1", nil), ("1E+0001", 10),
    ("9007199254740993", 9_007_199_254_740_993),
    ("10000000000000000000e-1", 1_000_000_000_000_000_000), ("0.0000000000000000000000001e25", 1), ("-12345678.90e2", -1_234_567_890),
  ]

  @Test("an integer is what has an integer's exact value", arguments: integers)
  func integer(number: String, expected: Int?) throws {
    #expect(try parse(number).int == expected)
  }

  @Test("doubles are the nearest; none where the number is beyond them")
  func doubles() throws {
    #expect(try parse("0.1").double == 0.1)
    #expect(try parse("9007199254740993").double == 9_007_199_254_740_992)
    #expect(try parse("1e-400").double == 0)
    #expect(try parse("1e400").double == nil)
    #expect(try parse("-1e400").double == nil)
    #expect(try parse("\"1\"").double == nil)
  }

  @Test("a cursor keeps its document alive")
  func lifetime() throws {
    var values: [JSONValue] = []
    for number in 0..<100 { try values.append(#require(try parse("{\"a\":{\"b\":\(number)}}")["a"])) }
    #expect(values.map { $0["b"]?.int } == (0..<100).map { $0 })
  }

  static let settings: [(String, String, String)] = [
    (#"{}"#, "a", #"{"a":9}"#), (#"{ }"#, "a", #"{"a":9 }"#), (#"{"b":1}"#, "a", #"{"b":1,"a":9}"#), (#"{ "b" : 1 }"#, "a", #"{ "b" : 1,"a":9 }"#),
    (#"{ "a" : [1,2] , "b":1.0}"#, "a", #"{ "a" : 9 , "b":1.0}"#), (#"{"\u0061":{"a":1}}"#, "a", #"{"\u0061":9}"#),
    (#"{"b":{"a":1}}"#, "a", #"{"b":{"a":1},"a":9}"#), (#"{"x":{"y":[]},"z":{}}"#, "q\"", #"{"x":{"y":[]},"z":{},"q\"":9}"#), (#"[1]"#, "a", #"[1]"#),
  ]

  @Test("setting a member leaves every other byte", arguments: settings)
  func setting(object: String, name: String, expected: String) throws {
    #expect(text(try parse(" \(object)\n").setting(name, to: Array("9".utf8))) == expected)
  }

  static let removals: [(String, [String], String)] = [
    (#"{}"#, ["a"], #"{}"#), (#"{"a":1}"#, ["a"], #"{}"#), (#"{ "a" : 1 }"#, ["a"], #"{  }"#), (#"{"a":1,"b":2}"#, ["a"], #"{"b":2}"#),
    (#"{"a":1,"b":2}"#, ["b"], #"{"a":1}"#), (#"{ "a":1 , "b":2 , "c":3 }"#, ["b"], #"{ "a":1 , "c":3 }"#),
    (#"{ "a":1 , "b":2 , "c":3 }"#, ["a", "b"], #"{ "c":3 }"#), (#"{"a":1,"b":2,"c":3}"#, ["a", "c"], #"{"b":2}"#),
    (#"{"a":1,"b":2,"c":3}"#, ["c", "b", "a"], #"{}"#), (#"{"\u0061":1,"b":{"a":2}}"#, ["a"], #"{"b":{"a":2}}"#), (#"[1]"#, ["a"], #"[1]"#),
    (#"{"a":[{},{"x":[]}],"b":2.50}"#, ["a"], #"{"b":2.50}"#),
  ]

  @Test("removing members leaves every other byte", arguments: removals)
  func removing(object: String, names: [String], expected: String) throws {
    #expect(text(try parse(" \(object)\n").removing(names)) == expected)
  }

  @Test("a part is a document of its own, with its own bytes and no more")
  func part() throws {
    let whole = try JSONDocument(parsing: Array(#" {"id":1,"result": {"a":[1,"ä"]} } "#.utf8))
    let part = JSONDocument(try #require(whole.root["result"]))
    #expect(part.bytes == Array(#"{"a":[1,"ä"]}"#.utf8))
    #expect(part.root["a"]?[1]?.string == "ä")
    #expect(part.root["id"] == nil)
    #expect(JSONDocument(whole.root).bytes == whole.bytes)
  }
}
