internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore

/// What the parts of one client share: what they count, and the news of servers that come and go.
struct RedisMonitor: Sendable {
  let stats = NIOLockedValueBox(RedisStats())
  /// Some server became ready, or another one is asked now.
  let readiness = ChangeSignal()
  /// A server did not do what was asked of it: reason to look who is where.
  let trouble: TroubleSignal
  /// Whom to tell when a server has left a command unanswered.
  private let silenceListeners = NIOLockedValueBox<[@Sendable () -> Void]>([])
  let logger: Logger
  let group: any EventLoopGroup

  init(_ configuration: RedisConfiguration, logger: Logger, group: any EventLoopGroup) {
    trouble = TroubleSignal(
      RefreshGate(shortest: TimeAmount(configuration.shortestRefresh), regular: TimeAmount(configuration.regularRefresh)))
    self.logger = logger
    self.group = group
  }

  func whenSilent(_ body: @escaping @Sendable () -> Void) { silenceListeners.withLockedValue { $0.append(body) } }

  func silenceBegan() {
    for body in silenceListeners.withLockedValue({ $0 }) { body() }
  }

  func count(_ code: RedisError.Code) {
    stats.withLockedValue { $0.failures[code, default: 0] += 1 }
  }
}
