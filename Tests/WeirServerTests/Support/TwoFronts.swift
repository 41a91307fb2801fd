import Logging
import NIOConcurrencyHelpers
import WeirCore
import WeirHTTPClient
import WeirPipeline

@testable import WeirServer

/// Two fronts that share a secret and tell each other what they have to tell, as replicas of a fleet do, without Redis.
struct TwoFronts: Sendable {
  /// Who is where, and who hears.
  final class Street: Sendable {
    private struct State {
      var fronts: [Name: Front] = [:]
      var addresses: [Name: String] = [:]
      var told: [FrontNews] = []
    }

    private let state = NIOLockedValueBox(State())

    func enter(_ name: Name, _ front: Front, port: Int) {
      state.withLockedValue { ($0.fronts[name], $0.addresses[name]) = (front, "127.0.0.1:\(port)") }
    }
    func leave(_ name: Name) { state.withLockedValue { $0.addresses[name] = nil } }
    func address(of name: Name) -> String? { state.withLockedValue { $0.addresses[name] } }
    func move(_ name: Name, to address: String) { state.withLockedValue { $0.addresses[name] = address } }

    func tell(_ news: FrontNews) {
      let fronts = state.withLockedValue { state in
        state.told.append(news)
        return Array(state.fronts.values)
      }
      for front in fronts { FrontNews(news.bytes).map { front.hear($0) } }
    }

    var told: [FrontNews] { state.withLockedValue { $0.told } }
  }

  static let firstName: Name = "00000000000000aa"
  static let secondName: Name = "00000000000000bb"

  let first: RunningFront
  let second: RunningFront
  let street: Street

  static func with<Value: Sendable>(
    secrets: (String, String) = ("one secret", "one secret"), _ body: @escaping @Sendable (TwoFronts) async throws -> Value
  ) async throws -> Value {
    let street = Street()
    var logger = Logger(label: "fleet")
    logger.logLevel = .critical
    let client = HTTPClient(logger: logger)
    func fleet(_ name: Name, _ secret: String) -> FrontFleet {
      FrontFleet(
        replica: name, sealer: Sealer(secret: Array(secret.utf8)), client: client,
        locate: { street.address(of: $0).map { .at($0) } ?? .gone }, isThere: { street.address(of: $0) != nil }, tell: { street.tell($0) })
    }
    let second = fleet(secondName, secrets.1)
    let result: Result<Value, any Error>
    do {
      result = .success(
        try await RunningFront.with(fleet: fleet(firstName, secrets.0)) { first in
          try await RunningFront.with(fleet: second) { second in
            street.enter(firstName, first.front, port: first.port)
            street.enter(secondName, second.front, port: second.port)
            return try await body(TwoFronts(first: first, second: second, street: street))
          }
        })
    } catch {
      result = .failure(error)
    }
    await client.shutdown()
    return try result.get()
  }
}
