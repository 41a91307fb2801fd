/// What Sentinels say (https://redis.io/docs/latest/develop/reference/sentinel-clients/).
package enum SentinelAnswer: Sendable, Hashable {
  case primary(RedisEndpoint)
  /// This Sentinel watches no such primary.
  case unknownName
  /// Not to be used; why.
  case unusable(String)

  /// The question for the primary of this name.
  package static func question(_ name: String) -> [[UInt8]] {
    ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name].map { Array($0.utf8) }
  }

  /// Reads the answer to `question`: host and port, or null.
  /// - Parameter asked: The Sentinel.
  package init(_ reply: RedisReply, asked: RedisEndpoint) {
    switch reply {
    case .bulk(nil): self = .unknownName
    case .array(let parts):
      guard parts.count == 2, case .bulk(let host?) = parts[0], case .bulk(let port?) = parts[1], !host.isEmpty,
        let host = String(validating: host, as: UTF8.self), let port = Int(String(decoding: port, as: UTF8.self)),
        let endpoint = RedisAddress(host: host, port: port)?.endpoint(asked: asked)
      else { self = .unusable("its answer is no address"); return }
      self = .primary(endpoint)
    case .error(let text): self = .unusable("it refused: \(text.prefix(60))")
    default: self = .unusable("its answer is no address")
    }
  }
}
