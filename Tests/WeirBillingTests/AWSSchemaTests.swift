import Testing
import WeirBilling
import WeirCore
import WeirJSON

/// The tables of the packs against the schemas that the real servers publish.
@Suite("What the packs take for the same argument is what the servers' schemas say (issue 2)")
struct AWSSchemaTests {
  static let period = #""start_date":"2026-10-01","end_date":"2026-11-01""#

  /// A call of each tool that is cached, with what it requires.
  static let calls: [(tool: String, arguments: String)] = [
    ("cost-explorer", #"{"operation":"getCostAndUsage",\#(period)}"#),
    ("cost-comparison", #"{"operation":"getCostComparisonDrivers","baseline_end_date":"2026-10-01","comparison_end_date":"2026-11-01"}"#),
    ("cost-anomaly", "{\(period)}"),
    ("ri-performance", #"{"operation":"get_reservation_coverage",\#(period)}"#),
    ("sp-performance", #"{"operation":"get_savings_plans_coverage",\#(period)}"#),
    ("sp-recommendation", #"{"operation":"get_savings_plans_purchase_recommendation"}"#),
    ("rec-details", "{}"), ("cost-optimization", #"{"operation":"list_recommendations"}"#),
    ("compute-optimizer", #"{"operation":"get_rds_recommendations"}"#), ("budgets", "{}"), ("free-tier-usage", "{}"),
    ("list-cost-allocation-tags", "{}"), ("list-cost-category-definitions", "{}"), ("aws-pricing", #"{"operation":"get_service_codes"}"#),
    ("get_pricing", "{}"), ("get_pricing_service_codes", "{}"), ("get_pricing_service_attributes", "{}"),
    ("get_pricing_attribute_values", "{}"), ("get_price_list_urls", #"{"effective_date":"2026-11-01"}"#),
  ]

  struct Server {
    let pack: any PolicyPack
    let tools: [JSONValue]
    /// The server reads any text as JSON whose argument takes more than texts.
    let readsEveryText: Bool

    static func all() throws -> [Server] {
      [
        Server(pack: AWSBillingPack(), tools: try tools("billing-tools-list"), readsEveryText: false),
        Server(pack: AWSPricingPack(), tools: try tools("pricing-tools-list"), readsEveryText: true),
      ]
    }

    private static func tools(_ recording: String) throws -> [JSONValue] {
      Array(try requireValue(try recordedResult(recording)["tools"]).elements)
    }

    func key(_ tool: String, _ arguments: [UInt8]) throws -> [UInt8]? {
      let arguments = try JSONDocument(parsing: arguments).root
      let policy = pack.policy(tool: Name(tool), arguments: arguments, today: CivilDate(year: 2026, month: 11, day: 23))
      return policy.freshness == nil ? nil : policy.keyArguments
    }
  }

  @Test("every tool that is cached exists and is in this test")
  func coverage() throws {
    let names = try Server.all().flatMap { server in
      server.tools.compactMap { $0["name"]?.string }.filter { server.pack.knowledge(of: Name($0)) == .cached }
    }
    #expect(Set(names) == Set(Self.calls.map(\.tool)))
  }

  @Test("null is left out of the key where it is the argument's default, and nowhere else", arguments: calls)
  func nulls(_ tool: String, _ arguments: String) throws {
    let (server, properties) = try find(tool)
    let base = try json(arguments)
    let plain = try #require(try server.key(tool, base.raw))
    for (name, schema) in properties.members {
      let name = try #require(name.string)
      guard base[name] == nil, let key = try server.key(tool, base.setting(name, to: Array("null".utf8))) else { continue }
      let isDefault = schema["default"]?.isNull == true && Self.kinds(schema).contains("null")
      #expect((key == plain) == isDefault, "\(name)")
    }
  }

  @Test("a text is read as JSON where the server does so, and nowhere else", arguments: calls)
  func texts(_ tool: String, _ arguments: String) throws {
    let (server, properties) = try find(tool)
    let base = try json(arguments)
    for (name, schema) in properties.members {
      let name = try #require(name.string)
      let kinds = Self.kinds(schema)
      for (kind, text) in [("array", "[1]"), ("object", #"{"a":1}"#)] where base[name] == nil {
        guard let asValue = try server.key(tool, base.setting(name, to: Array(text.utf8))),
          let asText = try server.key(tool, base.setting(name, to: JSONWriter.quoted(text)))
        else { continue }
        let isRead = kinds.contains(kind) && (server.readsEveryText || kinds.contains("string"))
        #expect((asValue == asText) == isRead, "\(name)")
      }
    }
  }

  private func find(_ tool: String) throws -> (server: Server, properties: JSONValue) {
    for server in try Server.all() {
      for candidate in server.tools where candidate["name"]?.isString(tool) == true {
        return (server, try requireValue(candidate["inputSchema"]?["properties"]))
      }
    }
    throw Missing()
  }

  /// The kinds of JSON value that a property takes. Every definition that is referred to is a model, thus an object.
  private static func kinds(_ schema: JSONValue) -> Set<String> {
    let alternatives = schema["anyOf"].map { Array($0.elements) } ?? [schema]
    return Set(alternatives.compactMap { $0["type"]?.string ?? ($0["$ref"] == nil ? nil : "object") })
  }
}
