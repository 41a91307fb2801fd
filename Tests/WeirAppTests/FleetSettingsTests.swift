import Testing

@testable import WeirApp

@Suite("A fleet in the configuration")
struct FleetSettingsTests {
  private static let upstream = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\" } }"

  @Test(
    "others reach a replica where it listens, or where the operator says",
    arguments: [
      ("listen: { address: \"127.0.0.1:8081\" }", "127.0.0.1:8081"), ("listen: { address: \"[::1]:8081\" }", "[::1]:8081"),
      ("listen: { address: \"127.0.0.1:0\" }", nil), ("fleet: { address: \"10.0.3.7:8080\" }", "10.0.3.7:8080"), ("", "127.0.0.1:8080"),
    ])
  func address(_ line: String, _ address: String?) throws {
    let settings = try SettingsReader.read("\(line)\n\(Self.upstream)", file: "weir.yaml")
    #expect(FleetAddress.choose(settings) == address)
  }

  @Test(
    "what is no address is refused, with what to write",
    arguments: [
      ("fleet: { address: here }", "\"here\" is not an address of this replica that others reach, such as 10.0.3.7:8080"),
      ("fleet: { address: \"10.0.0.1:0\" }", "\"10.0.0.1:0\" is not an address of this replica that others reach, such as 10.0.3.7:8080"),
      ("fleet: { adress: x }", "is not a key that Weir knows; did you mean \"address\"?"),
    ])
  func refused(_ line: String, _ message: String) {
    #expect {
      try SettingsReader.read("\(line)\n\(Self.upstream)", file: "weir.yaml")
    } throws: { error in
      "\(error)".hasSuffix(message)
    }
  }

  @Test("how long Weir serves on before it drains")
  func delay() throws {
    #expect(try SettingsReader.read(Self.upstream, file: "weir.yaml").listen.shutdownDelay == .zero)
    let settings = try SettingsReader.read("listen: { shutdown_delay: 5s }\n\(Self.upstream)", file: "weir.yaml")
    #expect(settings.listen.shutdownDelay == .seconds(5))
  }
}
