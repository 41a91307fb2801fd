package import WeirBilling
package import WeirCache
package import WeirCore
package import WeirFleet
package import WeirFlow
internal import WeirServer
package import WeirTenancy
package import WeirUpstream

/// Everything that an operator decides, read and checked, secrets resolved. `docs/configuration.md` describes every key.
package struct Settings: Sendable {
  package var listen = Listen()
  package var cache = Cache()
  /// Seals what clients bring back; the same for all replicas. Nil: a key of this process alone.
  package var sealKey: Secret?
  /// `host:port` at which other replicas reach this one; nil: where it listens.
  package var fleetAddress: String?
  /// The file that usage is kept in; nil: in memory only.
  package var usageFile: String?
  /// By the provider's name. Providers of packs are here with the pack's facts, overridden by the file.
  package var providers: [Name: Provider] = [:]
  /// Sorted by name.
  package var upstreams: [Upstream] = []
  /// Empty where no tenant is configured: everybody on loopback is the tenant `local`.
  package var tenants: [Tenant] = []

  /// Stands in a `command` for this very program: the built-in sample is started so.
  package static let thisProgram = "weir:self"

  /// The front.
  package struct Listen: Sendable {
    package var host = "127.0.0.1"
    package var port = 8080
    /// Where the metrics and health endpoints listen by themselves; nil: beside `/mcp`.
    package var admin: (host: String, port: Int)?
    /// What operators present who have Weir do something; nil: only this machine may.
    package var adminToken: Secret?
    package var publicURL: String?
    package var allowedHosts: [String] = []
    package var allowedOrigins: [String] = []
    package var maxBodyBytes = 4 << 20
    package var headerTimeout: Duration = .seconds(10)
    package var bodyTimeout: Duration = .seconds(30)
    package var idleTimeout: Duration = .seconds(60)
    package var writeTimeout: Duration = .seconds(30)
    package var maxConnections = 16_384
    package var shutdownGrace: Duration = .seconds(10)
    package var shutdownDelay: Duration = .zero

    /// True where only this machine can connect.
    package var isLoopback: Bool { Self.isLoopback(host) }

    static func isLoopback(_ host: String) -> Bool { FrontAddress(host: host, port: 0).isLoopback }
  }

  /// Where answers are kept.
  package struct Cache: Sendable {
    package var memoryBytes = 256 << 20
    package var maxEntryBytes = 8 << 20
    /// A larger answer is kept in memory alone.
    package var maxSharedEntryBytes = 1 << 20
    package var redis: RedisSettings?
    /// Encrypts what is kept in Redis; nil: it is readable there.
    package var cipher: EnvelopeCipher?
  }

  /// Who bills and throttles.
  package struct Provider: Sendable, Equatable {
    package var name: Name
    /// All of them hold at once. Empty: no limit.
    package var limits: [RateLimit] = []
    package var concurrency = 8
    package var budget: BudgetLimit?
    /// What single tenants may spend here, beside `budget`.
    package var tenantBudgets: [Name: BudgetLimit] = [:]
    /// Whether calls that can be asked as one are.
    package var merges = true
    /// How long a call that could be merged waits for others.
    package var linger: Duration = .milliseconds(15)
    package var price: MicroUSD = .zero
    /// What holds of the rate limit and the budgets while Redis, through which replicas share them, does not answer.
    package var withoutRedis = WithoutRedis.degraded
  }

  /// One MCP server behind Weir.
  package struct Upstream: Sendable {
    package var name: Name
    package var transport: Transport
    package var policy: UpstreamPolicy
    /// The provider of calls for which the pack names none.
    package var provider: Name
    package var share: SharingClass = .tenant
    /// Narrower or wider classes of single tools, in the order of the file; the first that matches counts.
    package var toolShares: [(tool: String, share: SharingClass)] = []
    /// What answers can be purged by: those of all tools, and further ones of single tools, where all patterns that match count.
    package var tags: [Name] = []
    package var toolTags: [(tool: String, tags: [Name])] = []
    package var callTimeout: Duration = .seconds(120)
    /// How long an answer of `resources/read` is kept where the upstream does not say.
    package var resourceTTL: Duration = .zero
    package var startTimeout: Duration = .seconds(30)
    package var maxResultBytes = 32 << 20
    package var era = "auto"
    /// How messages are carried to a `url`.
    package var urlTransport = HTTPUpstreamConfiguration.TransportPolicy.auto
    /// Who shares a session or process with whom.
    package var isolation = UpstreamFamily.Isolation.shared
    /// Sessions or processes beside the shared ones.
    package var maxSessions = 256
    /// Whether answers over a range of time are put together from the time buckets that are known.
    package var reusesBuckets = true
    /// Whether a question may be asked in wider terms where that costs no more.
    package var widens = true
    /// Whether answers may hold amounts that Weir added up.
    package var derivesSums = false

    package var isStdio: Bool { if case .stdio = transport { true } else { false } }

    package enum Transport: Sendable {
      case stdio(command: [String], environment: [String: Secret], processes: Int)
      case http(url: String, headers: [(name: String, value: Secret)], caFile: String?)
    }
  }
}
