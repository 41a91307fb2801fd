package import WeirCore

/// What both transports need to know about an upstream.
package struct UpstreamConfiguration: Sendable {
  /// Which revisions to speak (MCP 2026-07-28, versioning, backward compatibility).
  package enum EraPolicy: String, Sendable, CaseIterable {
    /// Asks with `server/discover` first, falls back to `initialize`, and remembers what worked for the life of the process.
    case auto
    /// Opens with `initialize` (2025-11-25 down to 2024-11-05) and never asks.
    case legacy
    /// Only 2026-07-28.
    case modern
  }

  /// The operator's name for it: `[a-z0-9-]`.
  package var name: Name
  package var era: EraPolicy = .auto
  /// How Weir names itself to the upstream (`clientInfo`).
  package var clientName = "weir"
  package var clientVersion = "0"
  /// What whoever stands behind a session of the handshake era can be asked, a JSON object; nil: nothing.
  package var clientCapabilities: [UInt8]?
  /// Who hears what the server says of nobody's call, and is asked what it asks; nil: nobody.
  package var home: (any ClientPeer)?
  /// Who calls before the first session is open waits for it, and is not refused.
  package var awaitsOpening = false
  /// Whether the lists of the upstream are kept. A session beside another one needs none of its own.
  package var listsCatalog = true
  /// From the start of a process or connection until the session is open. Servers in Python need 3 s and more to start.
  package var connectTimeout: Duration = .seconds(30)
  /// How long the answer to `server/discover` is waited for before `initialize` is sent instead. Part of `connectTimeout`.
  package var probeTimeout: Duration = .seconds(10)
  /// For one page of `tools/list`.
  package var listTimeout: Duration = .seconds(30)
  /// More pages than this, or more tools, fail the listing: the upstream does not come to an end.
  package var maxListPages = 100
  package var maxTools = 5000
  /// How often the tools are listed again where the upstream names no `ttlMs`; moved by up to a tenth at random.
  package var refreshInterval: Duration = .seconds(300)
  /// The bounds that an upstream's `ttlMs` is clamped to when it says how often to list.
  package var refreshBounds: ClosedRange<Duration> = .seconds(60) ... .seconds(3600)
  /// How long `notifications/tools/list_changed` lingers for more of its kind.
  package var listDebounce: Duration = .milliseconds(200)
  /// The waits between failed attempts to connect or to list, doubled each time, with jitter.
  package var retryDelays: ClosedRange<Duration> = .milliseconds(500) ... .seconds(30)

  package init(name: Name) {
    self.name = name
  }
}
