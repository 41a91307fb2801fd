internal import WeirCache
internal import WeirJSON

/// What has become of a purge.
struct PurgeReport: Sendable {
  /// Where it counts.
  enum Reach: String, Sendable {
    /// Redis has it: everywhere, within a second.
    case fleet
    /// There is no Redis: this process is all there is.
    case replica
    /// In this process, but Redis was not reached: nowhere else yet.
    case unconfirmed
    /// Nowhere: it was only to be checked.
    case dry

    var isComplete: Bool { self != .unconfirmed }

    var note: String {
      switch self {
      case .fleet: "counts here now and in every other replica within a second"
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
    writer.member("marks", reach == .dry ? 0 : scopes.count)
    writer.key("reached")
    writer.beginObject()
    writer.member("replica", reach != .dry)
    if reach == .fleet || reach == .unconfirmed { writer.member("redis", reach == .fleet) }
    writer.endObject()
    writer.member("isComplete", reach.isComplete)
    writer.member("note", reach.note)
    writer.endObject()
    return writer.bytes
  }
}
