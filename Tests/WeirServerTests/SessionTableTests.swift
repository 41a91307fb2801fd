import Testing
import WeirCore
import WeirMCP

@testable import WeirServer

@Suite("The table of sessions")
struct SessionTableTests {
  private let start = Moment(nanoseconds: 0)

  private func table(limit: Int = 10, perPrincipal: Int = 5) -> SessionTable {
    SessionTable(limit: limit, limitPerPrincipal: perPrincipal, idleTimeout: .seconds(60))
  }

  @Test("an idle session ends, one in use does not")
  func idle() throws {
    var table = table()
    for name: Name in ["a", "b"] { try table.open(name, principal: "p", endpoint: "", revision: .v2025_11_25, now: start) }
    table.begin("b")
    #expect(table.use("a", principal: "p", endpoint: "", now: start + .seconds(59)) != nil)
    #expect(table.use("a", principal: "p", endpoint: "", now: start + .seconds(118)) != nil)
    #expect(table.expire(now: start + .seconds(300)) == ["a"])
    #expect(table.use("b", principal: "p", endpoint: "", now: start + .seconds(300)) != nil)
    table.end("b", now: start + .seconds(300))
    #expect(table.use("b", principal: "p", endpoint: "", now: start + .seconds(360)) == nil)
    #expect(table.count == 0)
  }

  @Test("issue 2: who opens too many sessions loses the one unused for longest, never one in use, and nobody else's")
  func evicts() throws {
    var table = table(limit: 10, perPrincipal: 3)
    try table.open("other", principal: "q", endpoint: "", revision: .v2025_11_25, now: start)
    for (second, name) in ["1", "2", "3"].enumerated() {
      try table.open(Name(name), principal: "p", endpoint: "", revision: .v2025_11_25, now: start + .seconds(second))
    }
    table.begin("1")
    #expect(table.use("2", principal: "p", endpoint: "", now: start + .seconds(5)) != nil)
    try table.open("4", principal: "p", endpoint: "", revision: .v2025_11_25, now: start + .seconds(6))
    let left = ["other", "1", "2", "3", "4"].filter { table.contains(Name($0)) }
    #expect(left == ["other", "1", "2", "4"])
    for name: Name in ["2", "4"] { table.begin(name) }
    #expect(throws: SessionTable.Full.tooMany) { try table.open("5", principal: "p", endpoint: "", revision: .v2025_11_25, now: start + .seconds(7)) }
  }

  @Test("sessions are bounded for all and for each, and idle ones make room")
  func bounded() throws {
    var table = table(limit: 3, perPrincipal: 2)
    try table.open("1", principal: "p", endpoint: "", revision: .v2025_11_25, now: start)
    try table.open("2", principal: "p", endpoint: "", revision: .v2025_11_25, now: start)
    try table.open("3", principal: "q", endpoint: "", revision: .v2025_11_25, now: start + .seconds(30))
    #expect(throws: SessionTable.Full.tooMany) { try table.open("4", principal: "r", endpoint: "", revision: .v2025_11_25, now: start) }
    try table.open("4", principal: "r", endpoint: "", revision: .v2025_11_25, now: start + .seconds(60))
    #expect(table.count == 2)
  }

  @Test("a foreign principal or another endpoint finds nothing, and ends nothing")
  func foreign() throws {
    var table = table()
    try table.open("s", principal: "p", endpoint: "", revision: .v2025_11_25, now: start)
    #expect(table.use("s", principal: "q", endpoint: "", now: start) == nil)
    #expect(table.use("s", principal: "p", endpoint: "x", now: start) == nil)
    let foreign = table.close("s", principal: "q", endpoint: "", now: start)
    #expect(!foreign)
    let own = table.close("s", principal: "p", endpoint: "", now: start)
    #expect(own)
    #expect(table.use("s", principal: "p", endpoint: "", now: start) == nil)
  }
}
