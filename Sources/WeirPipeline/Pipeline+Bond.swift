internal import WeirBilling
internal import WeirCore
internal import WeirJSON
package import WeirTenancy

/// What of a session's requests depends on the replica that has the session.
extension Pipeline {
  package func bond(of call: ReceivedCall, by caller: Identified) -> SessionBond {
    // What is refused is refused anywhere.
    guard let resolved = try? Resolved.resolve(call, by: caller, in: directory.snapshot),
      let permitted = try? Permitted.authorize(resolved, tenants: tenants, now: time.wall()), !permitted.policy.caching.isCached
    else { return .none }
    let settings = permitted.route.settings
    if !settings.sharesSessions { return .tight }
    if call.params["task"] != nil, directory.snapshot.features(of: settings.name).contains(.tasks) { return .tight }
    return mayConverse(call.client, settings.name) ? .loose : .none
  }

  package func bond(of request: RelayedRequest, by caller: Identified) -> SessionBond {
    if request.method.isOfTasks { return .tight }
    let tasks = TaskNames(principal: caller.principal, sealer: sealer)
    let snapshot = directory.snapshot
    guard let feature = request.method.feature(for: request.era),
      let targets = try? snapshot.targets(of: request, among: able(feature, request, caller, in: snapshot), tasks: tasks, now: time.wall())
    else { return .none }
    if targets.contains(where: { directory.settings[$0.upstream]?.sharesSessions == false }) { return .tight }
    return targets.contains { mayConverse(request.client, $0.upstream) } ? .loose : .none
  }

  private func able(_ feature: UpstreamFeatures, _ request: RelayedRequest, _ caller: Identified, in snapshot: ToolDirectory.Snapshot) -> [Name] {
    upstreams(at: request.endpoint, for: caller).filter { snapshot.features(of: $0).contains(feature) }
  }
}
