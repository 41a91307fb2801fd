internal import Logging
internal import ServiceLifecycle
internal import WeirCore
internal import WeirServer

/// The first to hear that the process is to end: the front says so to balancers and clients, and goes on serving until they have heard it. Services
/// before this one shut down when it has ended.
struct LeavingService: Service {
  let front: Front
  /// How long balancers take to notice.
  let delay: Duration
  let time: any TimeSource
  let logger: Logger

  func run() async throws {
    // Cancelled at once by a second signal or an error elsewhere.
    do { try await gracefulShutdown() } catch { return }
    guard delay > .zero else { return }
    front.leave()
    logger.info("leaving: not ready any more, still serving", metadata: ["seconds": "\(delay.inSeconds)"])
    try? await time.sleep(until: time.now() + delay)
  }
}
