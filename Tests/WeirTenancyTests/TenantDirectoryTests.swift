import Testing
import WeirCore
import WeirTenancy

@Suite("Tenants and their keys")
struct TenantDirectoryTests {
  let key = APIKey.generate()

  func directory(allow: [String] = ["aws/*"]) -> TenantDirectory {
    let digest = APIKey.digest(of: Array(key.reveal.utf8))
    return TenantDirectory(tenants: [
      Tenant(name: "platform", keys: [Tenant.Key(name: "ci", digest: digest)], allow: allow.compactMap { ToolPattern($0) }),
      Tenant(name: "data", keys: [Tenant.Key(name: "ci", digest: APIKey.digest(of: Array("other".utf8)))], allow: []),
    ])
  }

  @Test("a key is its tenant's, however it is presented")
  func identified() throws {
    let bytes = Array(key.reveal.utf8)
    let caller = try directory().identify(.bearer(bytes))
    #expect(caller.tenant == "platform")
    #expect(caller.principal == "platform/ci")
    #expect(try directory().identify(.apiKey(bytes)) == caller)
  }

  @Test("every wrong credential gets the same refusal")
  func refused() {
    let wrong: [PresentedCredential] = [.none, .bearer([]), .bearer(Array("weir_x".utf8)), .apiKey(Array((key.reveal + "x").utf8))]
    let errors = wrong.map { credential -> CallError? in
      do throws(CallError) {
        _ = try directory().identify(credential)
        return nil
      } catch { return error }
    }
    #expect(errors.allSatisfy { $0?.reason == .unauthenticated })
    #expect(Set(errors.map { $0?.message }).count == 1)
  }

  @Test("keys are long, different, and their digests are found by hexadecimal text")
  func keys() throws {
    let keys = (0..<100).map { _ in APIKey.generate().reveal }
    #expect(Set(keys).count == 100)
    #expect(keys.allSatisfy { $0.hasPrefix("weir_") && $0.utf8.count == 48 })
    let digest = APIKey.digest(of: Array("abc".utf8))
    #expect(digest.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(KeyDigest(hex: digest.hex.uppercased()) == digest)
    #expect(KeyDigest(hex: "ba78") == nil)
    #expect(KeyDigest(hex: String(repeating: "g", count: 64)) == nil)
  }

  @Test("secrets and credentials don't show themselves")
  func hidden() {
    #expect("\(key)" == "***")
    #expect(!"\(PresentedCredential.bearer(Array(key.reveal.utf8)))".contains(key.reveal))
    #expect(!String(reflecting: key).contains(key.reveal))
  }

  @Test(
    "patterns allow what they name, by bytes",
    arguments: [
      ("aws/*", "aws", "cost-explorer", true), ("aws/cost-*", "aws", "budgets", false), ("*/get_*", "prices", "get_x", true),
      ("*", "any", "thing", true), ("aws/K", "aws", "\u{212A}", false), ("aws/*", "awsx", "t", false),
    ])
  func patterns(_ pattern: String, _ upstream: String, _ tool: String, _ expected: Bool) throws {
    let pattern = try #require(ToolPattern(pattern))
    #expect(pattern.matches(upstream: Name(upstream), tool: Name(tool)) == expected)
  }

  @Test("a text that is no pattern is refused", arguments: ["", "aws", "aws/", "/x", "a/b/c"])
  func noPatterns(_ text: String) {
    #expect(ToolPattern(text) == nil)
  }

  @Test("without tenants everybody is local and may call everything")
  func local() throws {
    let caller = try TenantDirectory.local.identify(.none)
    #expect(caller.tenant == "local")
    #expect(TenantDirectory.local.tenant("local")?.mayCall(upstream: "a", tool: "b") == true)
  }
}
