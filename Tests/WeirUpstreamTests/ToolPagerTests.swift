import Testing
import WeirCore
import WeirJSON

@testable import WeirUpstream

@Suite("Listing tools")
struct ToolPagerTests {
  private static func pager(pages: Int = 5, tools: Int = 10) -> ToolPager { ToolPager(upstream: "up", maxPages: pages, maxTools: tools) }
  private static func page(_ text: String) throws -> JSONDocument { try JSONDocument(parsing: Array(text.utf8)) }

  @Test("pages are followed to the end, an empty cursor and null among them")
  func pages() throws {
    var pager = Self.pager()
    #expect(try pager.add(Self.page(#"{"tools":[{"name":"a"}],"nextCursor":""}"#)) == .request(params: Array(#"{"cursor":""}"#.utf8)))
    #expect(try pager.add(Self.page(#"{"tools":[],"nextCursor":"é\u000a"}"#)) == .request(params: Array(#"{"cursor":"é\u000a"}"#.utf8)))
    #expect(try pager.add(Self.page(#"{"tools":[{"name":"b"}],"nextCursor":null}"#)) == .finished)
    #expect(pager.tools.map(\.name) == ["a", "b"])
  }

  @Test(
    "a listing that does not come to an end, or is none, fails",
    arguments: [
      ([#"{"tools":[],"nextCursor":"x"}"#, #"{"tools":[],"nextCursor":"x"}"#], "the same nextCursor twice"),
      ([#"{"tools":[],"nextCursor":"1"}"#, #"{"tools":[],"nextCursor":"2"}"#, #"{"tools":[],"nextCursor":"3"}"#], "more than 3 pages"),
      ([#"{"tools":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#], "more than 2 tools"),
      ([#"{"tools":{}}"#], "no array"),
      ([#"{}"#], "no array"),
      ([#"{"tools":[],"nextCursor":5}"#], "is no string"),
    ])
  func endless(pages: [String], reason: String) throws {
    var pager = Self.pager(pages: 3, tools: 2)
    var failure: CallError?
    for page in pages {
      let document = try Self.page(page)
      do throws(CallError) { _ = try pager.add(document) } catch { failure = error }
    }
    #expect(failure?.reason == .upstreamInvalid)
    #expect(failure?.message.contains(reason) == true)
  }

  @Test("names that other clients could not call are left out with a line each, and doubles, too")
  func names() throws {
    var pager = Self.pager()
    let long = String(repeating: "n", count: 129)
    let fits = String(repeating: "n", count: 128)
    _ = try pager.add(
      Self.page(
        #"{"tools":[{"name":"ok"},{"name":"a b"},{"name":""},{"name":"é"},{"name":"\#(long)"},{"name":"\#(fits)"},{"x":1},7,{"name":"ok","v":2}]}"#))
    #expect(pager.tools.map(\.name) == ["ok", Name(fits)])
    #expect(pager.warnings.count == 7)
  }

  @Test("the bytes of a definition are kept, the hint is read, and the digest knows only what differs")
  func definitions() throws {
    let first = #"{ "name":"t", "description":"d", "annotations":{"readOnlyHint":true}, "x":1.0 }"#
    let same = #"{"x":1,"annotations":{"readOnlyHint":true},"description":"d","name":"t"}"#
    let other = #"{"x":2,"annotations":{"readOnlyHint":true},"description":"d","name":"t"}"#
    let tools = try [first, same, other].map { text in
      var pager = Self.pager()
      _ = try pager.add(Self.page(#"{"tools":[\#(text)]}"#))
      return try #require(pager.tools.first)
    }
    #expect(tools[0].json == Array(first.utf8))
    #expect(tools[0].readOnlyHint)
    #expect(tools[0].digest.count == 32)
    #expect(tools[0].digest == tools[1].digest)
    #expect(tools[0].digest != tools[2].digest)
  }

  @Test(
    "the shortest ttl of all pages counts, where all have one",
    arguments: [(["5000", "3000"], 3), (["5000", "0"], nil), (["5000"], 5), (["0"], nil), (["\"x\"", "4000"], nil)] as [([String], Int64?)])
  func ttl(values: [String], seconds: Int64?) throws {
    var pager = Self.pager()
    for (index, value) in values.enumerated() {
      let next = index + 1 < values.count ? #","nextCursor":"\#(index)""# : ""
      _ = try pager.add(Self.page(#"{"tools":[],"ttlMs":\#(value)\#(next)}"#))
    }
    #expect(pager.ttl == seconds.map { .seconds($0) })
  }
}
