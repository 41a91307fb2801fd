import Logging
import NIOConcurrencyHelpers
import WeirCore

/// Holds an upstream's state and tells its observer of changes, one after the other and in the order in which they happened.
final class UpstreamReporter: Sendable {
  private enum Event: Sendable {
    case state(UpstreamState)
    case announcement
    case catalog(UpstreamCatalog, announced: UpstreamFeatures)
    case updated(Name)
  }

  private let name: Name
  private let observer: (any UpstreamObserver)?
  private let logger: Logger
  private let current = NIOLockedValueBox(UpstreamState.connecting)
  private let events: AsyncStream<Event>
  private let sink: AsyncStream<Event>.Continuation

  init(name: Name, observer: (any UpstreamObserver)?, logger: Logger) {
    self.name = name
    self.observer = observer
    self.logger = logger
    (events, sink) = AsyncStream.makeStream()
    sink.yield(.state(.connecting))
  }

  var state: UpstreamState { current.withLockedValue { $0 } }

  /// Notes the state; nothing happens where it is the same as before.
  func become(_ state: UpstreamState) {
    let changed = current.withLockedValue { current in
      guard current != state else { return false }
      current = state
      // Inside the lock, so that the observer sees the changes in their order; a yield only queues.
      sink.yield(.state(state))
      return true
    }
    guard changed else { return }
    switch state {
    case .connecting: logger.debug("upstream is connecting")
    case .ready: logger.info("upstream is ready")
    case .down(let reason): logger.warning("upstream is down", metadata: ["reason": "\(reason)"])
    }
  }

  /// It says that lists have changed, of which the next `offer` tells.
  func announceChange() { sink.yield(.announcement) }

  /// - Parameter announced: the lists that it said to have changed.
  func offer(_ catalog: UpstreamCatalog, announced: UpstreamFeatures) { sink.yield(.catalog(catalog, announced: announced)) }

  /// A resource to which somebody subscribed has changed.
  func updated(_ uri: Name) { sink.yield(.updated(uri)) }

  /// A session has taken the place of one that is lost: changes meanwhile, and what the lost one knew, were told to nobody.
  func renewed(watching uris: Set<Name>) {
    // What is kept of all resources is dropped with the news of any: where none is watched, of one without a name.
    for uri in uris.isEmpty ? [""] : uris { updated(uri) }
  }

  /// Delivers until the task is cancelled.
  func run() async {
    for await event in events {
      switch event {
      case .state(let state): observer?.upstream(name, became: state)
      case .announcement: observer?.upstreamAnnouncesChange(name)
      case .updated(let uri): observer?.upstream(name, updated: uri)
      case .catalog(let catalog, let announced): observer?.upstream(name, offers: catalog, announced: announced)
      }
    }
  }
}
