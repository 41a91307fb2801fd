import Testing
import WeirJSON
import WeirMCP

@Suite("Revisions")
struct ProtocolRevisionTests {
  @Test("revisions are ordered by date, and only the last is modern")
  func order() {
    #expect(ProtocolRevision.allCases.sorted() == ProtocolRevision.allCases)
    #expect(ProtocolRevision.allCases.filter { $0.era == .modern } == [.v2026_07_28])
    #expect(ProtocolRevision.latestLegacy.era == .legacy)
    #expect(ProtocolRevision.modern.era == .modern)
  }

  @Test("a revision is named byte for byte")
  func names() throws {
    for revision in ProtocolRevision.allCases {
      #expect(ProtocolRevision(utf8: revision.rawValue.utf8) == revision)
      #expect(try ProtocolRevision(parse("\"\(revision.rawValue)\"")) == revision)
    }
    for name in ["", "2025-11-2", "2025-11-255", " 2025-11-25", "2025-11-25\u{0}", "2025-11-26", "draft", "２025-11-25"] {
      #expect(ProtocolRevision(utf8: name.utf8) == nil)
    }
    #expect(try ProtocolRevision(parse("20251125")) == nil)
  }
}
