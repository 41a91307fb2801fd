import Testing
import WeirJSON
import WeirTestSupport

@Suite("Canonical form")
struct JSONCanonicalTests {
  /// Numbers whose digits say more than a double can: RFC 8785 rounds them, Weir does not (decision 3: two different bills stay apart).
  static let deviations: [String: [(rfc8785: String, weir: String)]] = [
    "values.json": [("333333333.3333333", "333333333.33333329")]
  ]

  @Test(
    "the examples of RFC 8785 come out as there, but for the listed numbers",
    .enabled(if: TestData.has("jcs"), Comment(rawValue: TestData.absence)), arguments: TestData.files(in: "jcs/input"))
  func examples(file: String) throws {
    let document = try JSONDocument(parsing: TestData.bytes("jcs/input/\(file)"))
    var expected = text(try TestData.bytes("jcs/output/\(file)"))
    while expected.utf8.last == 0x0A { expected.removeLast() }
    for (rfc8785, weir) in Self.deviations[file] ?? [] {
      let parts = expected.split(separator: rfc8785, omittingEmptySubsequences: false)
      #expect(parts.count == 2, "the deviation is one")
      expected = parts.joined(separator: weir)
    }
    #expect(Array(try document.root.canonical()) == Array(expected.utf8))
  }

  /// RFC 8785 appendix B, which is also what ECMAScript prints.
  static let doubles: [(UInt64, String)] = [
    (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
    (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"), (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"),
    (0x4340_0000_0000_0000, "9007199254740992"), (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
    (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"), (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"),
    (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"), (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
    (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"), (0x41B3_DE43_5555_5553, "333333333.3333332"),
    (0x41B3_DE43_5555_5554, "333333333.33333325"), (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
    (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
    (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
  ]

  @Test("the shortest digits of a double are laid out as RFC 8785 does", arguments: doubles)
  func doubleLayout(bits: UInt64, expected: String) throws {
    #expect(try canonical("\(Double(bitPattern: bits))") == expected)
    #expect(try canonical(expected) == expected)
  }

  static let numbers: [(String, [String])] = [
    ("0", ["0", "-0", "0.0", "-0.000", "0e5", "0E-99999999999999999999", "-0e+999999999999999999999999"]),
    ("1", ["1", "1.0", "1e0", "10e-1", "0.1e1", "1000e-3", "0.001E+3", "1E-0"]), ("-1", ["-1", "-1.0", "-10e-1"]),
    ("100", ["100", "1e2", "1E+02", "100.00"]), ("1.5", ["1.5", "1.50", "15e-1", "0.15e1"]), ("0.001", ["0.001", "1e-3", "0.1e-2"]),
    ("0.000001", ["0.000001", "1e-6"]), ("1e-7", ["0.0000001", "1e-7", "10e-8"]), ("1.25e-7", ["0.000000125", "125e-9"]),
    ("100000000000000000000", ["100000000000000000000", "1e20"]), ("1e+21", ["1000000000000000000000", "1e21"]),
    ("9007199254740992", ["9007199254740992"]), ("9007199254740993", ["9007199254740993", "9007199254740993.0", "9007199254740993e0"]),
    ("123456789012345678901.5", ["123456789012345678901.50"]), ("1.2345678901234567890125e+21", ["1234567890123456789012.5"]),
    ("0.1000000000000000055511151231257827", ["0.1000000000000000055511151231257827"]),
    ("1e+999999999", ["1e999999999", "10e999999998", "0.1e1000000000"]), ("1e-999999999", ["1e-999999999"]), ("1e+400", ["1e400", "1E400"]),
    ("-1.5e+1000", ["-15e999"]),
  ]

  @Test("numbers of one value have one form", arguments: numbers)
  func oneForm(expected: String, spellings: [String]) throws {
    for spelling in spellings {
      #expect(try canonical(spelling) == expected, "\(spelling)")
      #expect(try canonical(expected) == expected)
    }
  }

  @Test("numbers that a double would merge stay apart")
  func apart() throws {
    #expect(try canonical("9007199254740993") != canonical("9007199254740992"))
    #expect(try canonical("0.1") != canonical("0.10000000000000000001"))
    #expect(try canonical("1e400") != canonical("1e401"))
    #expect(try canonical("1e-400") != canonical("0"))
  }

  @Test(
    "an exponent out of range is an error, not a gigabyte",
    arguments: ["1e1000000000000001", "1e-99999999999999999999", "-5E+123456789012345678901234567890"])
  func outOfRange(number: String) throws {
    let value = try parse("{\"a\":[\(number)]}")
    let error = #expect(throws: JSONError.self) { _ = try value.canonical() }
    #expect(error?.code == .numberOutOfRange)
    #expect(error?.offset == 6)
    #expect(text(try value.canonical(omitting: ["a"])) == "{}")
    #expect(value["a"]?[0]?.int == nil)
  }

  @Test("long digits with an exponent that takes them back stay small")
  func longNumbers() throws {
    let zeros = String(repeating: "0", count: 100_000)
    #expect(try canonical("1\(zeros)e-100000") == "1")
    #expect(try canonical("0.\(zeros)1e100001") == "1")
    #expect(try canonical("1\(zeros)") == "1e+100000")
  }

  @Test("members stand in the order of UTF-16 code units")
  func order() throws {
    let names = ["", "\n", "1", "</", "A", "a", "aa", "\u{80}", "ö", "€", "\u{D7FF}", "😂", "\u{10FFFF}", "\u{E000}", "\u{FB33}", "\u{FFFF}"]
    let byCodeUnits = names.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
    #expect(byCodeUnits.map { Array($0.utf8) } == names.map { Array($0.utf8) })
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<50 {
      var writer = JSONWriter()
      writer.beginObject()
      for name in names.shuffled(using: &generator) { writer.member(name, 1) }
      writer.endObject()
      let order = try JSONDocument(parsing: JSONDocument(parsing: writer.bytes).root.canonical()).root.members.map { $0.name.stringBytes }
      #expect(order == names.map { Array($0.utf8) })
    }
  }

  static let strings: [(String, String)] = [
    (#""\u0061""#, #""a""#), (#""\/""#, #""/""#), (#""\u002f""#, #""/""#), (#""\"\\""#, #""\"\\""#), (#""\u0022\u005C""#, #""\"\\""#),
    (#""\u0008\u0009\u000a\u000C\u000d""#, #""\b\t\n\f\r""#), (#""\u0000\u000b\u001F\u001a""#, #""\u0000\u000b\u001f\u001a""#),
    (#""\u007f\u0080""#, "\"\u{7F}\u{80}\""), (#""\ud83d\ude02""#, #""😂""#), ("\"A\u{30A}\"", "\"A\u{30A}\""), (#""\u00C5""#, "\"\u{C5}\""),
  ]

  @Test("strings have the fewest and shortest escapes, and are not normalised", arguments: strings)
  func stringForm(string: String, expected: String) throws {
    #expect(Array(try canonical(string).utf8) == Array(expected.utf8))
    #expect(Array(try canonical("{\(string):[\(string)]}").utf8) == Array("{\(expected):[\(expected)]}".utf8))
  }

  @Test("names are left out at the top only, compared by unescaped bytes")
  func omitting() throws {
    let value = try parse(#"{"b":{"_meta":1},"_meta":{"x":1},"\u0061":2,"é":3}"#)
    #expect(text(try value.canonical(omitting: ["_meta"])) == #"{"a":2,"b":{"_meta":1},"é":3}"#)
    #expect(text(try value.canonical(omitting: ["a", "_meta", "e\u{301}"])) == #"{"b":{"_meta":1},"é":3}"#)
    #expect(text(try value.canonical(omitting: ["a", "b", "_meta", "é"])) == "{}")
    #expect(text(try parse(#"[{"_meta":1}]"#).canonical(omitting: ["_meta"])) == #"[{"_meta":1}]"#)
  }

  @Test("an inner value has the form that it has alone")
  func inner() throws {
    let value = try #require(try parse(#" { "x" : [ 1 , { "b" : 1.0 , "a" : "\u0041" } ] } "#)["x"])
    #expect(text(try value.canonical()) == #"[1,{"a":"A","b":1}]"#)
  }
}
