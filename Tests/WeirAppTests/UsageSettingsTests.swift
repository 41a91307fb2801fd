import Logging
import Testing

@testable import WeirApp

@Suite("Where usage is kept, in the configuration (issue 3)")
struct UsageSettingsTests {
  static let upstream = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\" } }"

  @Test(
    "usage is in memory unless a file is named",
    arguments: [
      ("", nil), ("usage:", nil), ("usage: {}", nil), ("usage: { file: /var/lib/weir/usage.json }", "/var/lib/weir/usage.json"),
    ])
  func file(_ text: String, _ path: String?) throws {
    #expect(try SettingsReader.read("\(Self.upstream)\n\(text)", file: "weir.yaml").usageFile == path)
  }

  @Test(
    "what is no file is refused, with what to write",
    arguments: [
      ("usage: { fil: x }", "weir.yaml:2: usage.fil: is not a key that Weir knows; did you mean \"file\"?"),
      ("usage: { file: /var/lib/ }", "weir.yaml:2: usage.file: \"/var/lib/\" is not the path of a file, such as /var/lib/weir/usage.json"),
      ("usage: { file: \"\" }", "weir.yaml:2: usage.file: \"\" is not the path of a file, such as /var/lib/weir/usage.json"),
      ("usage: /var/lib/weir/usage.json", "weir.yaml:2: usage: must be a mapping of keys to values"),
    ])
  func refused(_ text: String, _ message: String) {
    #expect {
      try SettingsReader.read("\(Self.upstream)\n\(text)", file: "weir.yaml")
    } throws: { error in
      "\(error)" == message
    }
  }

  @Test("a file that can't be written ends the start at its key")
  func unwritable() throws {
    let settings = try SettingsReader.read("\(Self.upstream)\nusage: { file: /nonexistent/usage.json }", file: "weir.yaml")
    #expect {
      try Assembly(settings, file: "weir.yaml", program: "weir", logger: Logger(label: "test"))
    } throws: { error in
      (error as? SettingsError)?.key == "usage.file" && "\(error)".contains("/nonexistent/usage.json")
    }
  }
}
