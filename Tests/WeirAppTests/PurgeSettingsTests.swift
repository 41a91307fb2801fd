import Testing
import WeirCache
import WeirCore
import WeirServer

@testable import WeirApp

@Suite("Settings of purges and encryption")
struct PurgeSettingsTests {
  private static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
  private static let other = "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
  private static let upstream = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\" } }"
  private static let redis = "redis: { url: \"redis://h\" }"

  private func refusal(in text: String) -> String? {
    do throws(SettingsError) { _ = try SettingsReader.read(text, file: "weir.yaml", secrets: .machine) } catch { return "\(error)" }
    return nil
  }

  @Test("keys of 32 bytes are taken, one to encrypt and others to decrypt")
  func keys() throws {
    let text = "\(Self.upstream)\ncache: { \(Self.redis), encryption_key: \"\(Self.key)\", encryption_keys_old: [\"\(Self.other)\"] }"
    #expect(try SettingsReader.read(text, file: "weir.yaml").cache.cipher != nil)
    #expect(try SettingsReader.read("\(Self.upstream)\ncache: { \(Self.redis) }", file: "weir.yaml").cache.cipher == nil)
  }

  @Test(
    "what is no key is refused, and never shown",
    arguments: [
      ("\(redis), encryption_key: \"c2VjcmV0\"", "32 bytes"), ("\(redis), encryption_key: \"not base64 at all\"", "32 bytes"),
      ("encryption_key: \"\(key)\"", "no \"redis\""), ("\(redis), encryption_keys_old: [\"\(key)\"]", "comes beside"),
      ("\(redis), encryption_key: \"\(key)\", encryption_keys_old: [\"\(key)\"]", "itself"),
    ])
  func faults(cache: String, message: String) throws {
    let fault = try #require(refusal(in: "\(Self.upstream)\ncache: { \(cache) }"))
    #expect(fault.contains(message) && !fault.contains(Self.key) && !fault.contains("c2VjcmV0"))
  }

  @Test("tags are read from upstreams and rules, and their names are checked")
  func tags() throws {
    let text = "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\", tags: [bills], cache: [{ tool: get*, ttl: 1h, tags: [reads, month-end] }] } }"
    let settings = try SettingsReader.read(text, file: "weir.yaml")
    #expect(settings.upstreams[0].tags == ["bills"])
    #expect(settings.upstreams[0].toolTags.map(\.tool) == ["get*"] && settings.upstreams[0].toolTags.map(\.tags) == [["reads", "month-end"]])
    let wrong = try #require(refusal(in: "upstreams: { a: { url: \"http://127.0.0.1:1/mcp\", tags: [\"Month end\"] } }"))
    #expect(wrong.contains("\"Month end\" is not a tag"))
    let known = KnownScopes(settings)
    #expect(known.fault(of: .tag("month-end")) == nil && known.fault(of: .all) == nil && known.fault(of: .tenant("local")) == nil)
    #expect(known.fault(of: .tag("month"))?.contains("bills, month-end, reads") == true)
    #expect(known.fault(of: .tool(upstream: "b", tool: "x")) != nil && known.fault(of: .tool(upstream: "a", tool: "x")) == nil)
    #expect(known.fault(of: .tenant("growth")) != nil)
  }

  @Test("who may purge: this machine alone, or whoever has the key")
  func access() throws {
    func access(_ listen: String) throws -> String {
      let text =
        "\(Self.upstream)\nlisten: { \(listen) }\ntenants: { t: { api_keys: [{ name: k, sha256: \(String(repeating: "0", count: 64)) }], allow: ['*'] } }"
      return switch CachePurges.access(for: try SettingsReader.read(text, file: "weir.yaml").listen) {
      case .anybody: "anybody"
      case .key: "key"
      case .nobody: "nobody"
      }
    }
    let token = "admin_token: \(String(repeating: "x", count: 32))"
    #expect(try access("admin_address: \"127.0.0.1:9090\"") == "anybody")
    #expect(try access("admin_address: \"0.0.0.0:9090\"") == "nobody")
    #expect(try access("address: \"127.0.0.1:8080\"") == "nobody")
    #expect(try access("admin_address: \"0.0.0.0:9090\", \(token)") == "key")
    #expect(try access("admin_address: \"127.0.0.1:9090\", \(token)") == "key")
    #expect(try access(token) == "key")
    #expect(refusal(in: "\(Self.upstream)\nlisten: { admin_token: short }")?.contains("32 characters") == true)
  }

  @Test(
    "an order names what is to be purged",
    arguments: [
      (#"{"scopes":["all"]}"#, 1), (#"{"scopes":["tag:a","tag:a","tenant:b"],"dryRun":true}"#, 2), (#"{"scopes":[]}"#, nil), ("[]", nil), ("", nil),
      (#"{"scopes":"all"}"#, nil), (#"{"scopes":["everything"]}"#, nil), (#"{"scopes":["all"],"when":"now"}"#, nil),
      (#"{"scopes":["all"],"dryRun":"yes"}"#, nil), (#"{"scopes":[1]}"#, nil), (#"{"dryRun":true}"#, nil),
    ])
  func orders(body: String, scopes: Int?) {
    #expect((try? PurgeOrder(Array(body.utf8)))?.scopes.count == scopes)
  }

  @Test("the command names scopes, or says how")
  func command() {
    func fault(_ url: String = "http://127.0.0.1:9090", _ change: (inout CachePurgeCommand.Options) -> Void) -> String? {
      var options = CachePurgeCommand.Options()
      change(&options)
      do throws(CommandError) { _ = try CachePurgeCommand(options, url: url, token: nil) } catch { return error.description }
      return nil
    }
    #expect(fault { _ in }?.contains("--all") == true)
    #expect(fault { $0.tools = ["get"] }?.contains("UPSTREAM__TOOL") == true)
    #expect(fault { ($0.tools, $0.upstreams) = (["get"], ["a", "b"]) } != nil)
    #expect(fault { ($0.tools, $0.upstreams) = (["get"], ["a"]) } == nil)
    #expect(fault { $0.keys = ["00"] }?.contains("64 hexadecimal") == true)
    #expect(fault { $0.tenants = [""] } != nil)
    #expect(fault("127.0.0.1") { $0.all = true }?.contains("http://") == true)
  }
}
