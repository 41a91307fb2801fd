internal import WeirCache
internal import WeirCore
internal import WeirFleet
internal import WeirJSON

/// What has become of a purge.
struct PurgeReport: Sendable {
  /// Where it counts.
  enum Reach: Sendable, CustomStringConvertible {
    /// Everywhere: each replica of the fleet has said that it knows.
    case fleet
    /// In Redis and wherever it was heard of; these replicas have not said that they know, each with its address.
    case unheard([ReplicaID: String])
    /// There is no Redis: this process is all there is.
    case replica
    /// In this process, but Redis was not reached: nowhere else yet.
    case unconfirmed
    /// Nowhere: it was only to be checked.
    case dry

    init(_ reach: PurgeReach) {
      switch reach {
      case .replica: self = .unconfirmed
      case .redis(let unheard): self = unheard.isEmpty ? .fleet : .unheard(unheard)
      }
    }

    var isComplete: Bool {
      switch self {
      case .fleet, .replica, .dry: true
      case .unheard, .unconfirmed: false
      }
    }

    /// Whether Redis has it; nil where that is no question.
    var isInRedis: Bool? {
      switch self {
      case .fleet, .unheard: true
      case .unconfirmed: false
      case .replica, .dry: nil
      }
    }

    var isDry: Bool {
      if case .dry = self { true } else { false }
    }

    /// Those that have not said that they know, as far as that was asked: the address, or the id of one that has none.
    var unheard: [String]? {
      switch self {
      case .fleet: []
      case .unheard(let replicas): replicas.map { $0.value.isEmpty ? $0.key.description : $0.value }.sorted { Name($0) < Name($1) }
      case .replica, .unconfirmed, .dry: nil
      }
    }

    var description: String {
      switch self {
      case .fleet: "fleet"
      case .unheard: "redis, unheard at \((unheard ?? []).joined(separator: " "))"
      case .replica: "replica"
      case .unconfirmed: "unconfirmed"
      case .dry: "dry"
      }
    }

    var note: String {
      switch self {
      case .fleet: "counts in every replica that is in the fleet: each has said that it knows"
      case .unheard:
        "counts here, in Redis, and in every replica that has heard of it. Those named have not said so: they may give what they have in memory until they reach Redis. Purge again to see whether they have"
      case .replica: "counts in this process, which has no Redis: other replicas have to be asked by themselves"
      case .unconfirmed:
        "counts in this process only: Redis was not reached. It is told as soon as it is, while this process runs; other replicas serve what they have until then"
      case .dry: "nothing was purged: this was only a check"
      }
    }
  }

  let scopes: [PurgeScope]
  let reach: Reach

  /// One JSON object.
  var json: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("scopes")
    writer.beginArray()
    for scope in scopes { writer.value(scope.description) }
    writer.endArray()
    writer.member("marks", reach.isDry ? 0 : scopes.count)
    writer.key("reached")
    writer.beginObject()
    writer.member("replica", !reach.isDry)
    if let isInRedis = reach.isInRedis { writer.member("redis", isInRedis) }
    writer.endObject()
    if let unheard = reach.unheard {
      writer.key("unheard")
      writer.beginArray()
      for replica in unheard { writer.value(replica) }
      writer.endArray()
    }
    writer.member("isComplete", reach.isComplete)
    writer.member("note", reach.note)
    writer.endObject()
    return writer.bytes
  }
}
