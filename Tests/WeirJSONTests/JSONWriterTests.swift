import Testing
import WeirJSON

@Suite("Writing")
struct JSONWriterTests {
  @Test("commas and colons stand where they belong")
  func structure() {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("s", "a\"b\\c\n\u{1}é😂/")
    writer.member("i", -5)
    writer.member("l", Int64.max)
    writer.member("t", true)
    writer.member("d", 0.1)
    writer.memberRaw("r", Array("{\"x\":1}".utf8))
    writer.key("a")
    writer.beginArray()
    writer.value(1)
    writer.value("x")
    writer.null()
    writer.beginObject()
    writer.endObject()
    writer.beginArray()
    writer.endArray()
    writer.value(false)
    writer.raw("[]".utf8)
    writer.endArray()
    writer.key("\"")
    writer.beginObject()
    writer.member("z", 0)
    writer.endObject()
    writer.endObject()
    let expected =
      #"{"s":"a\"b\\c\n\u0001é😂/","i":-5,"l":9223372036854775807,"t":true,"d":0.1,"r":{"x":1},"a":[1,"x",null,{},[],false,[]],"\"":{"z":0}}"#
    #expect(text(writer.bytes) == expected)
  }

  @Test("a double reads back as itself; what JSON cannot say is null")
  func doubles() throws {
    for double in [0, -0.0, 1, 0.1, 1e21, 1e-7, .leastNonzeroMagnitude, Double.greatestFiniteMagnitude, -123_456_789.125] {
      var writer = JSONWriter()
      writer.value(double)
      #expect(try JSONDocument(parsing: writer.bytes).root.double == double)
    }
    for double in [Double.nan, .infinity, -.infinity] {
      var writer = JSONWriter()
      writer.value(double)
      #expect(text(writer.bytes) == "null")
    }
  }

  @Test("every character survives quoting")
  func quoting() throws {
    for scalar in [UInt32](0...0x2FF) + [0x2028, 0x2029, 0xD7FF, 0xE000, 0xFFFE, 0xFFFF, 0x10000, 0x1F602, 0x10FFFF] {
      let string = try String(#require(Unicode.Scalar(scalar)))
      let value = try JSONDocument(parsing: JSONWriter.quoted(string)).root
      #expect(value.stringBytes == Array(string.utf8))
      #expect(try value.canonical() == JSONWriter.quoted(string))
    }
  }
}
