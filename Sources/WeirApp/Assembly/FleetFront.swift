internal import Logging
internal import WeirCore
internal import WeirFleet
internal import WeirHTTPClient
internal import WeirPipeline
internal import WeirServer

/// Makes the front one of a fleet's.
enum FleetFront {
  /// The connections to the other replicas: none is used for longer than they keep it open.
  static var client: HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.maxIdleTime = .seconds(5)
    configuration.maxTransfers = 16_384
    return configuration
  }

  static let noSealKey =
    "there is a Redis but no seal_key: with more than one replica, sessions of clients of 2025-11-25 and before work at the replica that opened them "
    + "only, and so do ids of tasks, cursors and continuations. Give all replicas the same seal_key (`openssl rand -base64 32`)"

  /// What the front needs of the other replicas; nil where they share no secret: then sessions are each replica's own.
  static func make(_ fleet: Fleet, sealer: Sealer, client: HTTPClient) -> FrontFleet {
    FrontFleet(
      replica: Name(fleet.id.description), sealer: sealer, client: client,
      locate: { name in
        guard let id = ReplicaID(Array(name.utf8)) else { return .gone }
        return switch await fleet.roster.locate(id) {
        case .at(let address): .at(address)
        case .gone: .gone
        case .unknown: .unknown
        }
      },
      isThere: { name in ReplicaID(Array(name.utf8)).map { fleet.roster.members.addresses[$0]?.isEmpty == false } ?? false },
      tell: { news in
        switch news {
        case .ended(let session): fleet.sessions.tell(news.bytes, over: Array(FrontNews.mark(of: session).utf8))
        case .used, .cancelled: fleet.sessions.tell(news.bytes)
        }
      })
  }

  static func connect(_ fleet: Fleet, to front: Front, _ hints: ChangeHints?) {
    fleet.sessions.connect(
      onMessage: { bytes in
        if hints?.hear(bytes) == true { return }
        FrontNews(bytes).map { front.hear($0) }
      },
      onOver: { marks in front.hear(over: marks.compactMap { Name(utf8: $0) }) })
  }
}
