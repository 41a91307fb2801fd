import Testing
import WeirJSON
import WeirTestSupport

@Suite("The JSON test suite", .enabled(if: TestData.has("json-test-suite"), Comment(rawValue: TestData.absence)))
struct JSONTestSuiteTests {
  /// Well-formed by RFC 8259's grammar, refused on purpose.
  static let refusedOnPurpose: [String: JSONError.Code] = [
    "y_object_duplicated_key.json": .duplicateMember,
    "y_object_duplicated_key_and_value.json": .duplicateMember,
  ]

  /// What a parser may do as it likes: refused here, and why. All others of this kind are accepted.
  static let refusedByChoice: [String: JSONError.Code] = [
    "i_object_key_lone_2nd_surrogate.json": .loneSurrogate,
    "i_string_1st_surrogate_but_2nd_missing.json": .loneSurrogate,
    "i_string_1st_valid_surrogate_2nd_invalid.json": .loneSurrogate,
    "i_string_UTF-16LE_with_BOM.json": .unexpectedByte,
    "i_string_UTF-8_invalid_sequence.json": .invalidUTF8,
    "i_string_UTF8_surrogate_U+D800.json": .invalidUTF8,
    "i_string_incomplete_surrogate_and_escape_valid.json": .loneSurrogate,
    "i_string_incomplete_surrogate_pair.json": .loneSurrogate,
    "i_string_incomplete_surrogates_escape_valid.json": .loneSurrogate,
    "i_string_invalid_lonely_surrogate.json": .loneSurrogate,
    "i_string_invalid_surrogate.json": .loneSurrogate,
    "i_string_invalid_utf-8.json": .invalidUTF8,
    "i_string_inverted_surrogates_U+1D11E.json": .loneSurrogate,
    "i_string_iso_latin_1.json": .invalidUTF8,
    "i_string_lone_second_surrogate.json": .loneSurrogate,
    "i_string_lone_utf8_continuation_byte.json": .invalidUTF8,
    "i_string_not_in_unicode_range.json": .invalidUTF8,
    "i_string_overlong_sequence_2_bytes.json": .invalidUTF8,
    "i_string_overlong_sequence_6_bytes.json": .invalidUTF8,
    "i_string_overlong_sequence_6_bytes_null.json": .invalidUTF8,
    "i_string_truncated-utf-8.json": .invalidUTF8,
    "i_string_utf16BE_no_BOM.json": .unexpectedByte,
    "i_string_utf16LE_no_BOM.json": .unexpectedByte,
    "i_structure_500_nested_arrays.json": .tooDeep,
    "i_structure_UTF-8_BOM_empty_object.json": .byteOrderMark,
  ]

  static func files(_ prefix: String) -> [String] { TestData.files(in: "json-test-suite").filter { $0.hasPrefix(prefix) } }

  static func outcome(_ file: String) throws -> JSONError.Code? {
    let bytes = try TestData.bytes("json-test-suite/\(file)")
    do {
      let document = try JSONDocument(parsing: bytes)
      #expect(document.bytes == bytes)
      return nil
    } catch {
      #expect(error.offset >= 0 && error.offset <= bytes.count && !error.message.contains("\n"))
      return error.code
    }
  }

  @Test("the suite is complete")
  func complete() {
    #expect(Self.files("y_").count == 95)
    #expect(Self.files("n_").count == 188)
    #expect(Self.files("i_").count == 35)
  }

  @Test("well-formed documents are accepted, but for the listed ones", arguments: files("y_"))
  func wellFormed(file: String) throws {
    #expect(try Self.outcome(file) == Self.refusedOnPurpose[file])
  }

  @Test("malformed documents are refused", arguments: files("n_"))
  func malformed(file: String) throws {
    #expect(try Self.outcome(file) != nil)
  }

  @Test("where a parser may choose, the choice is the listed one", arguments: files("i_"))
  func choice(file: String) throws {
    #expect(try Self.outcome(file) == Self.refusedByChoice[file])
  }
}
