package import WeirCore
package import WeirJSON

/// What Weir knows about one MCP server: which of its tools may be cached and for how long, what its answers look like, whom it calls.
/// A new server is a new file in `Packs/` and a line in `PolicyPacks.all`.
package protocol PolicyPack: Sendable {
  /// The name that configurations use: `pack: <name>`.
  var name: String { get }
  /// The providers that this server's tools call, with what is known of their prices and limits; the first is the default.
  var providers: [ProviderFacts] { get }
  /// When the numbers that this server gives arrive and become final.
  var calendar: any BillingCalendar { get }
  /// What may be done with a call of `tool`: `bypass` for a tool that the pack does not know, `never` for one that it knows better than to
  /// cache.
  func policy(tool: Name, arguments: JSONValue?, context: PolicyContext) -> CallPolicy
  /// What the pack knows of `tool`, whatever its arguments.
  func knowledge(of tool: Name) -> ToolKnowledge
  /// What happens with calls of `tool`, in words for whoever checks a configuration.
  func describe(tool: Name, freshness: FreshnessTable) -> String
  /// What a result of `tool` is, which was called with `arguments`. `isError` is the result's own member; a result that has it is looked at
  /// too, since it may tell of throttling, and is never an answer.
  func examine(tool: Name, arguments: JSONValue?, result: JSONValue, isError: Bool, freshness: FreshnessTable) -> ResultVerdict
  /// What an answer teaches of those to come: how large they are, and how things are called in them; never an amount.
  func learn(tool: Name, arguments: JSONValue?, result: JSONValue)
}

extension PolicyPack {
  package func learn(tool: Name, arguments: JSONValue?, result: JSONValue) {}
}

/// What a pack knows of a tool.
package enum ToolKnowledge: Sendable, Equatable {
  /// Nothing: rules and trusted annotations decide.
  case unknown
  /// At least some of its calls may be cached.
  case cached
  /// None of its calls may be cached, whatever a rule says.
  case refused
}

/// A provider's price and limits as documented or observed; the configuration overrides each.
package struct ProviderFacts: Sendable {
  package let name: Name
  /// What one request costs.
  package let price: MicroUSD
  /// Requests per second, and how many may go at once after a pause.
  package let rate: Int
  package let burst: Int

  package init(name: Name, price: MicroUSD, rate: Int, burst: Int) {
    self.name = name
    self.price = price
    self.rate = rate
    self.burst = burst
  }
}

/// Every built-in pack, new each time: a pack learns of the one upstream that it is for.
package enum PolicyPacks {
  package static var all: [any PolicyPack] { [AWSBillingPack(), AWSPricingPack(), AzureCostPack(), VantagePack(), BigQueryPack()] }

  /// The pack of this name.
  package static func named(_ name: String) -> (any PolicyPack)? {
    all.first { $0.name.utf8.elementsEqual(name.utf8) }
  }
}
