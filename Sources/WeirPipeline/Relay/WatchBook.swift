internal import NIOConcurrencyHelpers
package import WeirCore

/// Who wants to hear of which resources. Each is watched once at its upstream, however many want to hear of it.
package final class WatchBook: Sendable {
  private struct Resource: Hashable {
    let upstream: Name
    let uri: Name
  }

  private struct Place: Hashable {
    let upstream: Name
    let tenant: Name
  }

  private struct State {
    /// By upstream and resource: who watches it, and under which URI.
    var watchers: [Name: [Name: [Name: Name]]] = [:]
    /// The tenant for which each was watched first.
    var tenants: [Resource: Name] = [:]
    /// How many those are, by upstream and tenant.
    var counts: [Place: Int] = [:]
    /// What each watcher watches.
    var watched: [Name: Set<Resource>] = [:]
    /// Rises with every change of any resource of an upstream.
    var generations: [Name: UInt64] = [:]
  }

  /// More than this is watched for nobody.
  package static let mostPerWatcher = 256
  /// And at no upstream.
  private static let mostPerUpstream = 4096
  /// Of these, for one tenant.
  private static let mostPerTenant = 1024
  /// A longer URI is watched for nobody.
  private static let longestURI = 2048

  private let state = NIOLockedValueBox(State())
  /// Held while an upstream is told, so that it is told in the order of the changes.
  private let telling = NIOLock()

  package init() {}

  /// False where there are too many, of this watcher, of its tenant or at this upstream.
  func add(_ watcher: Name, of tenant: Name, upstream: Name, uri: Name, alias: Name) -> Bool {
    guard uri.utf8.count <= Self.longestURI, alias.utf8.count <= Self.longestURI else { return false }
    return state.withLockedValue { state in
      let resource = Resource(upstream: upstream, uri: uri)
      if state.watched[watcher]?.contains(resource) == true {
        state.watchers[upstream]?[uri]?[watcher] = alias
        return true
      }
      guard state.watched[watcher]?.count ?? 0 < Self.mostPerWatcher else { return false }
      if state.watchers[upstream]?[uri] == nil {
        let place = Place(upstream: upstream, tenant: tenant)
        guard state.watchers[upstream]?.count ?? 0 < Self.mostPerUpstream, state.counts[place, default: 0] < Self.mostPerTenant else { return false }
        state.counts[place, default: 0] += 1
        state.tenants[resource] = tenant
      }
      state.watchers[upstream, default: [:]][uri, default: [:]][watcher] = alias
      state.watched[watcher, default: []].insert(resource)
      return true
    }
  }

  /// - Parameter uri: as the watcher names it; nil: everything that it watches.
  /// - Returns: the upstreams of which something is watched no more.
  func remove(_ watcher: Name, uri: Name?) -> Set<Name> {
    state.withLockedValue { state in
      var changed: Set<Name> = []
      for resource in state.watched[watcher] ?? [] {
        guard let alias = state.watchers[resource.upstream]?[resource.uri]?[watcher], uri == nil || alias == uri else { continue }
        state.watched[watcher]?.remove(resource)
        state.watchers[resource.upstream]?[resource.uri]?[watcher] = nil
        guard state.watchers[resource.upstream]?[resource.uri]?.isEmpty == true else { continue }
        state.watchers[resource.upstream]?[resource.uri] = nil
        if let tenant = state.tenants.removeValue(forKey: resource) {
          let place = Place(upstream: resource.upstream, tenant: tenant)
          let count = state.counts[place, default: 1] - 1
          state.counts[place] = count > 0 ? count : nil
        }
        changed.insert(resource.upstream)
      }
      if state.watched[watcher]?.isEmpty == true { state.watched[watcher] = nil }
      return changed
    }
  }

  /// What is watched of an upstream.
  func uris(of upstream: Name) -> Set<Name> { state.withLockedValue { $0.watchers[upstream].map { Set($0.keys) } ?? [] } }

  /// Tells an upstream what is watched of it now.
  func tell(_ upstream: any Upstream) { telling.withLock { upstream.watch(uris(of: upstream.name)) } }

  /// A resource has changed: what is kept of this upstream's resources is old from now on.
  /// - Returns: who is to hear of it, and under which URI.
  package func changed(_ uri: Name, of upstream: Name) -> [(watcher: Name, uri: Name)] {
    state.withLockedValue { state in
      state.generations[upstream, default: 0] &+= 1
      return state.watchers[upstream]?[uri]?.map { ($0.key, $0.value) } ?? []
    }
  }

  /// A number that is another one after each change of a resource of this upstream.
  func generation(of upstream: Name) -> UInt64 { state.withLockedValue { $0.generations[upstream] ?? 0 } }
}
