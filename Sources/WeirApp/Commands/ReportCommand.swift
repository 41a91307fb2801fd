internal import Logging
internal import WeirCore
internal import WeirHTTPClient
internal import WeirJSON
internal import WeirPipeline

/// What `weir report` does: asks a running Weir, or its usage file, what a month's calls cost and saved.
package struct ReportCommand: Sendable {
  private let url: String
  private let month: UsageMonth?
  private let file: String?
  private let isJSON: Bool
  private let top: Int

  /// - Parameters:
  ///   - url: where the running Weir serves `/usage`.
  ///   - month: `YYYY-MM`; nil for the running month.
  ///   - file: the usage file to read instead of asking.
  ///   - top: how many tools, tenants and providers at most.
  /// - Throws: where one of them can't be meant.
  package init(url: String, month: String?, file: String?, isJSON: Bool, top: Int) throws(CommandError) {
    guard top >= 1 else { throw CommandError("--top \(top) shows nothing; write a number from 1 on") }
    self.month = try month.map { text throws(CommandError) in
      guard let month = UsageMonth(text.utf8) else { throw CommandError("\"\(text)\" is no month; write it as 2026-11") }
      return month
    }
    self.url = try Self.base(url)
    self.file = file
    self.isJSON = isJSON
    self.top = top
  }

  /// - Returns: the report, with its last line end.
  package func run() async throws(CommandError) -> String {
    let report = if let file { try read(file) } else { try await ask() }
    return isJSON ? String(decoding: report.json(top: top), as: UTF8.self) + "\n" : UsageTable(report, top: top).text
  }

  /// What people have at hand is the URL of MCP.
  private static func base(_ text: String) throws(CommandError) -> String {
    guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
      throw CommandError("--url needs the address of a running Weir, such as http://127.0.0.1:8080")
    }
    var url = text
    if url.hasSuffix("/") { url.removeLast() }
    if url.hasSuffix("/mcp") { url.removeLast(4) }
    return url
  }

  // MARK: A file

  private func read(_ path: String) throws(CommandError) -> UsageReport {
    let book: UsageBook?
    do {
      book = try UsageFile(path: path).book()
    } catch {
      throw CommandError(error.description)
    }
    guard let book else { throw CommandError("there is no usage file \(path); \"usage: { file: … }\" in the configuration says where Weir keeps it") }
    let month = month ?? UsageMonth(SystemTime().wall())
    guard let usage = book.months[month] else {
      let months = book.months.keys.sorted().map(\.description).joined(separator: ", ")
      throw CommandError("\(path) has nothing of \(month); months with usage: \(months.isEmpty ? "none" : months) (choose with --month)")
    }
    return UsageReport(month, usage, isKept: true)
  }

  // MARK: A running Weir

  private func ask() async throws(CommandError) -> UsageReport {
    let (status, body) = try await fetch(url + UsagePage.path + (month.map { "?month=\($0)" } ?? ""))
    guard status == 200 else { throw CommandError(refusal(status, body)) }
    do {
      return try UsageReport(answer: body)
    } catch {
      switch error {
      case .newer: throw CommandError("the Weir at \(url) is newer than this program; use the \"weir\" that runs there")
      case .broken(let why): throw CommandError("what answers at \(url)\(UsagePage.path) is no Weir: \(why)")
      }
    }
  }

  private func fetch(_ target: String) async throws(CommandError) -> (status: Int, body: [UInt8]) {
    let client = HTTPClient(logger: Logger(label: "weir.report") { _ in SwiftLogNoOpLogHandler() })
    do throws(HTTPClientError) {
      let request = HTTPRequest(
        url: target, headers: [("Accept", "application/json")], connectTimeout: .seconds(5), headTimeout: .seconds(10), idleTimeout: .seconds(10),
        totalTimeout: .seconds(30), maxBodyBytes: UsageFormat.maxBytes, isRepeatable: true)
      let response = try await client.send(request)
      let body = try await response.body.collect(upTo: UsageFormat.maxBytes)
      await client.shutdown()
      return (response.head.status, body)
    } catch {
      await client.shutdown()
      throw CommandError("can't ask \(url): \(error). Is Weir running there? --url names another address, --file reads its usage file")
    }
  }

  private func refusal(_ status: Int, _ body: [UInt8]) -> String {
    // Weir's own words.
    if let problem = try? JSONDocument(parsing: body).root["error"]?.string { return UsageText.printable(problem, limit: 500) }
    return switch status {
    case 401, 403, 407:
      "\(url) wants to know who asks (status \(status)). Weir does not; something in front of it does: "
        + "ask Weir itself with --url, or its file with --file"
    case 404:
      "\(url) has no \(UsagePage.path): where the configuration has \"admin_address\", ask there (--url); "
        + "a Weir that is older than this command has none"
    case 421: "\(url) serves no such host name: add it to \"listen.allowed_hosts\", or ask by another with --url"
    default: "\(url)\(UsagePage.path) answered with status \(status); is that Weir? --url names another address"
    }
  }
}
