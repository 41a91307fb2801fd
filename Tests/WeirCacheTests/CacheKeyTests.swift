import Testing
import WeirCore
import WeirJSON

@testable import WeirCache

/// All that a key is made of.
struct KeyFields: Hashable {
  var partition: Partition = .tenant("platform")
  var upstream: Name = "aws-billing"
  var credential: Name = "service"
  var definition: [UInt8] = Array(0..<32)
  var method = "tools/call"
  var tool: Name = "cost-explorer"
  var arguments: [UInt8] = Array(#"{"a":1}"#.utf8)

  var key: CacheKey {
    CacheKeyBuilder(
      partition: partition, upstream: upstream, credential: credential, definition: definition, method: method, tool: tool
    ).key(arguments: arguments)
  }

  func changing(_ change: (inout KeyFields) -> Void) -> KeyFields {
    var copy = self
    change(&copy)
    return copy
  }
}

@Suite("Cache keys")
struct CacheKeyTests {
  @Test("the digest is SHA-256 over the length-prefixed fields, as computed elsewhere")
  func knownDigest() {
    let key = KeyFields().key
    #expect(key.hex == "3cfcd3a802ee84cf9db42c31a9120fbc75f1b10423c6c4236f8c99d90a0391f0")
    #expect(key.bytes.count == CacheKey.byteCount)
    #expect(key.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == key.hex)
    #expect(key.description == String(key.hex.prefix(8)))
  }

  @Test("a kept builder makes the same keys as a new one, however often")
  func builderIsReusable() {
    let builder = CacheKeyBuilder(
      partition: .all, upstream: "u", credential: "c", definition: [1], method: "tools/call", tool: "t")
    let first = builder.key(arguments: [1])
    #expect(builder.key(arguments: [2]) != first)
    #expect(builder.key(arguments: [1]) == first)
  }

  static let variations: [(String, KeyFields)] = {
    let base = KeyFields()
    return [
      ("class all", base.changing { $0.partition = .all }),
      ("another tenant", base.changing { $0.partition = .tenant("data") }),
      ("a principal named as the tenant", base.changing { $0.partition = .principal("platform") }),
      ("a tenant without a name", base.changing { $0.partition = .tenant("") }),
      ("a principal without a name", base.changing { $0.partition = .principal("") }),
      ("tenant 0", base.changing { $0.partition = .tenant("0") }),
      ("tenant null", base.changing { $0.partition = .tenant("null") }),
      ("upstream", base.changing { $0.upstream = "aws-billing2" }),
      ("credential", base.changing { $0.credential = "other" }),
      ("definition", base.changing { $0.definition[31] ^= 1 }),
      ("no definition", base.changing { $0.definition = [] }),
      ("method", base.changing { $0.method = "resources/read" }),
      ("tool", base.changing { $0.tool = "cost-explorer " }),
      ("arguments", base.changing { $0.arguments = Array(#"{"a":2}"#.utf8) }),
      ("no arguments", base.changing { $0.arguments = [] }),
      ("tool K", base.changing { $0.tool = "K" }),
      ("tool Kelvin sign, canonically equivalent to K", base.changing { $0.tool = "\u{212A}" }),
      ("tool é composed", base.changing { $0.tool = "\u{E9}" }),
      ("tool é decomposed", base.changing { $0.tool = "e\u{301}" }),
      (
        "a:b, c",
        base.changing {
          $0.upstream = "a:b"; $0.credential = "c"
        }
      ),
      (
        "a, b:c",
        base.changing {
          $0.upstream = "a"; $0.credential = "b:c"
        }
      ),
      (
        "ab, nothing",
        base.changing {
          $0.upstream = "ab"; $0.credential = ""
        }
      ),
      (
        "nothing, ab",
        base.changing {
          $0.upstream = ""; $0.credential = "ab"
        }
      ),
      (
        "tool swallows the arguments",
        base.changing {
          $0.tool = #"cost-explorer{"a":1}"#; $0.arguments = []
        }
      ),
      ("tool with NUL", base.changing { $0.tool = "cost-explorer\0" }),
      (
        "a tool that imitates a length prefix",
        base.changing {
          $0.tool = Name("cost-explorer\0\0\0\0\0\0\0\u{7}" + #"{"a":1}"#); $0.arguments = []
        }
      ),
    ]
  }()

  @Test("every difference in any field gives another key")
  func differences() {
    var seen: [CacheKey: String] = [KeyFields().key: "base"]
    for (name, fields) in Self.variations {
      let other = seen.updateValue(name, forKey: fields.key)
      #expect(other == nil, "\(name) has the key of \(other ?? "")")
    }
  }

  @Test("the classes are ordered from narrow to wide")
  func classes() {
    #expect(SharingClass.allCases.sorted() == [.principal, .tenant, .all])
    #expect(Partition.all.sharingClass == .all)
    #expect(Partition.tenant("t").sharingClass == .tenant)
    #expect(Partition.principal("p").sharingClass == .principal)
  }

  @Test("100,000 random calls that look alike: the same key only for the same fields")
  func randomPairs() {
    var random = SeededGenerator(seed: 2)
    var fieldsByKey: [CacheKey: KeyFields] = [:]
    var keyByFields: [KeyFields: CacheKey] = [:]
    var repeated = 0
    func text() -> String {
      String((0..<Int.random(in: 0...2, using: &random)).map { _ in [":", "a", "\0"].randomElement(using: &random) ?? "a" })
    }
    for _ in 0..<100_000 {
      let partition: Partition = [.all, .tenant(Name(text())), .principal(Name(text()))].randomElement(using: &random) ?? .all
      let fields = KeyFields(
        partition: partition, upstream: Name(text()), credential: Name(text()), definition: [1], method: "m", tool: Name(text()),
        arguments: Array(text().utf8))
      let key = fields.key
      if let known = fieldsByKey.updateValue(fields, forKey: key), known != fields { Issue.record("\(known) and \(fields) share a key") }
      if let known = keyByFields.updateValue(key, forKey: fields) {
        repeated += 1
        if known != key { Issue.record("\(fields) has two keys") }
      }
    }
    #expect(repeated > 1000, "the generator should often repeat itself")
    #expect(fieldsByKey.count == keyByFields.count)
  }

  @Test(
    "arguments that mean the same have the same key, others have not",
    arguments: [
      (#"{"a":1,"b":[1,2]}"#, #"{ "b" : [1, 2], "a" : 1 }"#, true),
      (#"{"a":1}"#, #"{"a":1.0}"#, true),
      (#"{"a":100}"#, #"{"a":1e2}"#, true),
      (#"{"a":"\u0041"}"#, #"{"a":"A"}"#, true),
      (#"{"a":9007199254740993}"#, #"{"a":9007199254740992}"#, false),
      (#"{"a":0.1}"#, #"{"a":0.10000000000000001}"#, false),
      (#"{"a":1}"#, #"{"a":"1"}"#, false),
      ("{\"a\":\"\u{E9}\"}", "{\"a\":\"e\u{301}\"}", false),
      (#"{"a":null}"#, "{}", false),
      (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#, false),
    ])
  func canonicalArguments(_ left: String, _ right: String, same: Bool) throws {
    func key(_ json: String) throws -> CacheKey {
      let arguments = try JSONDocument(parsing: Array(json.utf8)).root.canonical()
      return KeyFields().changing { $0.arguments = arguments }.key
    }
    #expect(try (key(left) == key(right)) == same)
  }

  @Test("a lifetime is spread by at most 5 %, downwards, and always the same for one key")
  func spread() {
    let lifetime = Duration.seconds(3600)
    let spread = (0..<1000).map { CacheKey.numbered($0).spread(lifetime) }
    #expect(spread.allSatisfy { $0 > .seconds(3420) - .milliseconds(1) && $0 <= lifetime })
    #expect(Set(spread).count > 900)
    #expect(spread == (0..<1000).map { CacheKey.numbered($0).spread(lifetime) })
    #expect(KeyFields().key.spread(.zero) == .zero)
    #expect(KeyFields().key.spread(.seconds(-5)) == .seconds(-5))
    #expect(KeyFields().key.spread(.milliseconds(7)) == .milliseconds(7))
    #expect(KeyFields().key.spread(.seconds(Int64.max)) > .zero)
  }
}
