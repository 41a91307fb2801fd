import Foundation
import Logging
import Testing
import WeirCore
import WeirPipeline
import WeirTestSupport

@testable import WeirApp

/// A folder of its own, gone afterwards.
struct Folder: ~Copyable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("weir-usage-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var file: String { "\(path)/usage.json" }
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

  func text() throws -> String { try String(contentsOfFile: file, encoding: .utf8) }
  func write(_ text: String) throws { try text.write(toFile: file, atomically: false, encoding: .utf8) }
}

@Suite("The file that usage survives restarts in (issue 3)")
struct UsageFileTests {
  static let key = UsageKey(tenant: "finance", upstream: "aws", provider: "aws-cost-explorer", tool: "cost-explorer")
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  func book(_ calls: Int, tool: Name = "cost-explorer", time: ManualTime = ManualTime()) throws -> UsageBook {
    let ledger = UsageLedger(time: time)
    for _ in 0..<calls { ledger.record(Self.key, outcome: .hitMemory, saving: Saving(requests: 1, cost: MicroUSD(10_000))) }
    ledger.sent(Self.key, requests: 2, cost: MicroUSD(20_000))
    return try #require(ledger.beginSaving())
  }

  func calls(_ book: UsageBook?) -> Int64? { book.map { $0.months.values.reduce(0) { $0 + $1.total.allCalls } } }

  func failure(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  // MARK: The format

  @Test("the file is as documented, to the byte")
  func golden() throws {
    let text = String(decoding: UsageFormat.file(try book(3)), as: UTF8.self)
    let row =
      #"{"tenant":"finance","upstream":"aws","provider":"aws-cost-explorer","tool":"cost-explorer","calls":{"hit_memory":3},"#
      + #""requestsSent":2,"spentMicroUSD":20000,"saved":{"hit":{"requests":3,"microUSD":30000}}}"#
    #expect(
      text == #"{"format":"weir-usage","version":1,"months":[{"month":"2026-11","since":"2026-11-23T00:00:00Z","rows":[\#(row)]}]}"# + "\n")
  }

  @Test("every number, outcome and name comes back, whatever the names hold")
  func roundTrip() throws {
    let time = ManualTime()
    let ledger = UsageLedger(time: time)
    for (index, tool) in ["a", "\"\\\u{0}\n", "K", "\u{212A}", "", "🧾", String(repeating: "x", count: 5000)].enumerated() {
      let key = UsageKey(tenant: "t\(index % 2)" == "t0" ? "one" : "two", upstream: "u", provider: "p", tool: Name(tool))
      for outcome in CallOutcome.allCases { ledger.record(key, outcome: outcome, saving: Saving(requests: 7, cost: MicroUSD(1))) }
      ledger.sent(key, requests: index, cost: MicroUSD(.max))
      if index == 3 { time.advance(by: .seconds(86_400 * 20)) }
    }
    let book = try #require(ledger.beginSaving())
    #expect(book.months.count == 2)
    #expect(try UsageFormat.book(UsageFormat.file(book)) == book)
  }

  @Test("a book with as many rows as there may be fits, and comes back")
  func largest() throws {
    let time = ManualTime()
    let ledger = UsageLedger(time: time)
    for number in 0..<9000 {
      let key = UsageKey(tenant: Name("tenant-\(number)"), upstream: "u", provider: "p", tool: Name("tool-\(number)"))
      for outcome in CallOutcome.allCases { ledger.record(key, outcome: outcome, saving: Saving(requests: 1, cost: MicroUSD(1))) }
    }
    let book = try #require(ledger.beginSaving())
    let bytes = UsageFormat.file(book)
    #expect(bytes.count * UsageBook.monthLimit < UsageFormat.maxBytes, "\(bytes.count) bytes a month")
    #expect(calls(try UsageFormat.book(bytes)) == 90_000)
  }

  @Test(
    "what is no usage is refused, and said why",
    arguments: [
      ("", "byte 0"), ("{", "byte"), ("[]", "no usage of Weir"), ("{}", "no usage of Weir"),
      (#"{"format":"weir-usage","version":"1"}"#, "no usage of Weir"), (#"{"format":"weir-usage","version":0,"months":[]}"#, "unknown version 0"),
      (#"{"format":"weir-usage","version":1}"#, "no \"months\""), (#"{"format":"weir-usage","version":1,"months":[{}]}"#, "no name"),
      (#"{"format":"weir-usage","version":1,"months":[{"month":"2026-13","since":"2026-11-23T00:00:00Z","rows":[]}]}"#, "no name"),
      (#"{"format":"weir-usage","version":1,"months":[{"month":"2026-11","since":"2026-11-23T24:00:00Z","rows":[]}]}"#, "no \"since\""),
      (#"{"format":"weir-usage","version":1,"months":[{"month":"2026-11","since":"2026-11-23T00:00:00Z","rows":[{}]}]}"#, "row 0"),
      (
        #"{"format":"weir-usage","version":1,"months":[{"month":"2026-11","since":"2026-11-23T00:00:00Z","rows":[]},"#
          + #"{"month":"2026-11","since":"2026-11-23T00:00:00Z","rows":[]}]}"#, "twice"
      ),
    ])
  func broken(_ text: String, _ why: String) throws {
    let folder = try Folder()
    try folder.write(text)
    let file = UsageFile(path: folder.file)
    for error in [failure { _ = try file.book() }, failure { _ = try file.add(UsageBook(), known: UsageBook()) }] {
      let error = try #require(error)
      #expect(error.contains(why), "\(error)")
      #expect(error.contains(folder.file) && error.contains("move it away"), "\(error)")
    }
    #expect(try folder.text() == text)
  }

  @Test(
    "a row with a member that is missing, unknown or no count is refused",
    arguments: [
      ("\"hit_memory\":3", "\"hit_disk\":3"), ("\"hit_memory\":3", "\"hit_memory\":-3"), ("\"hit_memory\":3", "\"hit_memory\":3.5"),
      ("\"hit_memory\":3", "\"hit_memory\":99999999999999999999"), ("\"requestsSent\":2,", ""),
      ("\"spentMicroUSD\":20000", "\"spentMicroUSD\":\"2\""),
      ("\"hit\":{", "\"luck\":{"), ("\"microUSD\":30000", "\"microUSD\":-1"), ("\"tenant\":\"finance\"", "\"tenant\":1"),
    ])
  func brokenRow(_ part: String, _ other: String) throws {
    let text = String(decoding: UsageFormat.file(try book(3)), as: UTF8.self)
    #expect(text.contains(part))
    #expect(throws: UsageFormat.Problem.broken("row 0 of the month 2026-11 is not one of usage")) {
      try UsageFormat.book(Array(text.replacing(part, with: other).utf8))
    }
  }

  @Test("a file of a newer Weir is left alone, and said so")
  func newer() throws {
    let folder = try Folder()
    let text = #"{"format":"weir-usage","version":2,"ledgers":[]}"#
    try folder.write(text)
    let error = try #require(failure { _ = try UsageFile(path: folder.file).add(try book(1), known: UsageBook()) })
    #expect(error.contains("newer Weir (format 2; this one knows 1)"), "\(error)")
    #expect(try folder.text() == text)
  }

  // MARK: The file system

  @Test("it is made where there is none, with no rights for others, and leaves nothing beside it but its lock")
  func made() throws {
    let folder = try Folder()
    let file = UsageFile(path: folder.file)
    #expect(try file.book() == nil)
    #expect(calls(try file.add(try book(3), known: UsageBook())) == 3)
    #expect(calls(try file.book()) == 3)
    #expect(folder.names == ["usage.json", "usage.json.lock"])
    let mode = try FileManager.default.attributesOfItem(atPath: folder.file)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test("it keeps the rights that somebody gave it, and a link to it stays a link")
  func rights() throws {
    let folder = try Folder()
    _ = try UsageFile(path: folder.file).add(try book(1), known: UsageBook())
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.file)
    let link = "\(folder.path)/link.json"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.file)
    _ = try UsageFile(path: link).add(try book(1), known: UsageBook())
    #expect(calls(try UsageFile(path: folder.file).book()) == 2)
    #expect(try FileManager.default.attributesOfItem(atPath: folder.file)[.posixPermissions] as? Int == 0o640)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == folder.file)
  }

  @Test("several processes add to one file, and nothing of any of them is lost")
  func shared() async throws {
    let folder = try Folder()
    let path = folder.file
    let news = try book(1)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          // The disk may be slow; what is locked for long is tried again, as a keeper does.
          for _ in 0..<5 { while (try? UsageFile(path: path).add(news, known: UsageBook())) == nil, !Task.isCancelled { await Task.yield() } }
        }
      }
      // Whoever reads meanwhile sees a whole file or none yet.
      group.addTask { for _ in 0..<50 { #expect(throws: Never.self) { try UsageFile(path: path).book() } } }
    }
    #expect(calls(try UsageFile(path: path).book()) == 20)
  }

  @Test("what was known is written again where the file has gone")
  func gone() throws {
    let folder = try Folder()
    let file = UsageFile(path: folder.file)
    let known = try file.add(try book(5), known: UsageBook())
    try FileManager.default.removeItem(atPath: folder.file)
    #expect(calls(try file.add(try book(1), known: known)) == 6)
  }

  @Test("a place that can't be written is an error with what to do", arguments: ["/nonexistent/usage.json", "/proc/usage.json"])
  func unwritable(_ path: String) throws {
    let error = try #require(failure { _ = try UsageFile(path: path).add(UsageBook(), known: UsageBook()) })
    #expect(error.contains(path) && error.contains("give a path in a folder that this user may write to"), "\(error)")
  }

  @Test("a folder is no usage file")
  func directory() throws {
    let folder = try Folder()
    let error = try #require(failure { _ = try UsageFile(path: folder.path).book() })
    #expect(error.contains("can't be read"), "\(error)")
  }

  @Test("a full disk leaves the old file", .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func full() throws {
    let folder = try Folder()
    let file = UsageFile(path: folder.file)
    let known = try file.add(try book(1), known: UsageBook())
    let before = try folder.text()
    try FileManager.default.createSymbolicLink(atPath: "\(folder.file).new", withDestinationPath: "/dev/full")
    let error = try #require(failure { _ = try file.add(try book(1), known: known) })
    #expect(error.contains("can't be written"), "\(error)")
    #expect(try folder.text() == before)
    #expect(calls(try file.add(try book(1), known: known)) == 2)
  }

  // MARK: The keeper

  @Test("usage is written every minute and at the end, and is there after a restart")
  func kept() async throws {
    let folder = try Folder()
    let time = ManualTime()
    let ledger = UsageLedger(time: time)
    let keeper = try UsageKeeper(ledger, file: UsageFile(path: folder.file), time: time, logger: logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await keeper.run() }
      await time.sleepers(atLeast: 1)
      ledger.record(Self.key, outcome: .miss)
      time.advance(by: .seconds(60))
      await time.sleepers(atLeast: 1)
      #expect(calls(try? UsageFile(path: folder.file).book()) == 1)
      ledger.record(Self.key, outcome: .miss)
      group.cancelAll()
    }
    #expect(calls(try UsageFile(path: folder.file).book()) == 2)
    time.advance(by: .seconds(3600))
    let next = UsageLedger(time: time)
    _ = try UsageKeeper(next, file: UsageFile(path: folder.file), time: time, logger: logger)
    let usage = try #require(next.usage(of: next.currentMonth))
    #expect(usage.total.calls(.miss) == 2)
    #expect(usage.since.milliseconds == 1_795_392_000_000)
  }

  @Test("what can't be written is kept, and written when it can be")
  func recovering() async throws {
    let folder = try Folder()
    let time = ManualTime()
    let ledger = UsageLedger(time: time)
    let keeper = try UsageKeeper(ledger, file: UsageFile(path: folder.file), time: time, logger: logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await keeper.run() }
      await time.sleepers(atLeast: 1)
      ledger.record(Self.key, outcome: .miss)
      try? folder.write("broken by hand")
      time.advance(by: .seconds(60))
      await time.sleepers(atLeast: 1)
      #expect((try? folder.text()) == "broken by hand")
      #expect(ledger.usage(of: ledger.currentMonth)?.total.allCalls == 1)
      ledger.record(Self.key, outcome: .miss)
      try? folder.write(String(decoding: UsageFormat.file(UsageBook()), as: UTF8.self))
      time.advance(by: .seconds(60))
      await time.sleepers(atLeast: 1)
      group.cancelAll()
    }
    #expect(calls(try UsageFile(path: folder.file).book()) == 2)
  }

  @Test("a broken file ends the start and stays as it is")
  func brokenStart() throws {
    let folder = try Folder()
    try folder.write("{")
    #expect(throws: UsageFileError.self) {
      _ = try UsageKeeper(UsageLedger(time: ManualTime()), file: UsageFile(path: folder.file), time: ManualTime(), logger: logger)
    }
    #expect(try folder.text() == "{")
  }
}
