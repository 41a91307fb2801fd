internal import NIOConcurrencyHelpers
package import WeirCore

/// Who wants to hear of which resources. Each is watched once at its upstream, however many want to hear of it.
package final class WatchBook: Sendable {
  private struct Resource: Hashable {
    let upstream: Name
    let uri: Name
  }

  private struct State {
    /// By resource: who watches it, and under which URI.
    var watchers: [Resource: [Name: Name]] = [:]
    /// Rises with every change of any resource of an upstream.
    var generations: [Name: UInt64] = [:]
  }

  /// More than this is watched for nobody.
  private static let mostPerWatcher = 256

  private let state = NIOLockedValueBox(State())

  package init() {}

  /// False where the watcher has too many.
  func add(_ watcher: Name, upstream: Name, uri: Name, alias: Name) -> Bool {
    state.withLockedValue { state in
      guard state.watchers.values.count(where: { $0[watcher] != nil }) < Self.mostPerWatcher else { return false }
      state.watchers[Resource(upstream: upstream, uri: uri), default: [:]][watcher] = alias
      return true
    }
  }

  /// - Parameter uri: as the watcher names it; nil: everything that it watches.
  /// - Returns: the upstreams of which something is watched no more.
  func remove(_ watcher: Name, uri: Name?) -> Set<Name> {
    state.withLockedValue { state in
      var changed: Set<Name> = []
      for (resource, watchers) in state.watchers {
        guard let alias = watchers[watcher], uri == nil || alias == uri else { continue }
        state.watchers[resource]?[watcher] = nil
        guard state.watchers[resource]?.isEmpty == true else { continue }
        state.watchers[resource] = nil
        changed.insert(resource.upstream)
      }
      return changed
    }
  }

  /// What is watched of an upstream.
  func uris(of upstream: Name) -> Set<Name> {
    state.withLockedValue { Set($0.watchers.keys.filter { $0.upstream == upstream }.map(\.uri)) }
  }

  /// A resource has changed: what is kept of this upstream's resources is old from now on.
  /// - Returns: who is to hear of it, and under which URI.
  package func changed(_ uri: Name, of upstream: Name) -> [(watcher: Name, uri: Name)] {
    state.withLockedValue { state in
      state.generations[upstream, default: 0] &+= 1
      return state.watchers[Resource(upstream: upstream, uri: uri)]?.map { ($0.key, $0.value) } ?? []
    }
  }

  /// A number that is another one after each change of a resource of this upstream.
  func generation(of upstream: Name) -> UInt64 { state.withLockedValue { $0.generations[upstream] ?? 0 } }
}
