internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirJSON
internal import WeirTenancy

/// After stage *authorize*: this caller may call this tool, and the policy of the call is known. Everything behind this stage takes a
/// `Permitted` or what is made from one, so that looking up before authorising does not compile. A class, since it is handed on a lot.
package final class Permitted: Sendable {
  let call: ReceivedCall
  let caller: Identified
  let route: ToolRoute
  let policy: CallPolicy
  let provider: Name
  /// What purges the answer.
  let scopes: PurgeScopes
  /// When the caller stops waiting.
  let deadline: Moment

  /// The same caller's call of the same tool with other arguments: leave is given for a tool, whatever its arguments.
  func with(_ arguments: JSONValue, now: WallTime) -> Permitted {
    Permitted(
      Resolved(call: call, caller: caller, route: route), policy: route.settings.policy.policy(tool: route.tool, arguments: arguments, now: now))
  }

  private init(_ resolved: Resolved, policy: CallPolicy) {
    self.call = resolved.call
    self.caller = resolved.caller
    self.route = resolved.route
    self.policy = policy
    self.scopes = resolved.route.scopes(for: resolved.caller)
    self.provider = resolved.route.settings.provider(named: policy.provider)
    self.deadline = resolved.call.receivedAt + resolved.route.settings.callTimeout
  }

  /// - Throws: `denied` for tools that the tenant may not call; `invalidParams` for arguments that are no object.
  static func authorize(_ resolved: Resolved, tenants: TenantDirectory, now: WallTime) throws(CallError) -> Permitted {
    let route = resolved.route
    guard let tenant = tenants.tenant(resolved.caller.tenant), tenant.mayCall(upstream: route.settings.name, tool: route.tool.name) else {
      throw CallError(.denied, "Your team may not call this tool. Ask whoever runs this Weir to allow it for you.")
    }
    let arguments = resolved.call.params["arguments"]
    if let arguments, arguments.kind != .object {
      throw CallError(.invalidParams, "\"arguments\" must be an object.")
    }
    var policy = route.settings.policy.policy(tool: route.tool, arguments: arguments, now: now)
    if resolved.call.isContinuation || !route.isListed { policy.caching = .never }
    return Permitted(resolved, policy: policy)
  }
}

extension UpstreamCaller {
  /// Whether an upstream may have something to say or to ask before it answers this client. A modern upstream asks a modern client by the
  /// answer itself.
  func mayConverse(with features: UpstreamFeatures) -> Bool {
    guard session != nil else { return logLevel != nil || (capabilities != nil && features.contains(.asksOnTheWay)) }
    return capabilities != nil || logLevel != nil || features.contains(.logging)
  }
}

extension ReceivedCall {
  /// Members of `params` that every tool call may have.
  private static let plainMembers: [String] = ["name", "arguments", "_meta"]

  /// The call says more than a tool and its arguments: it continues an earlier one (`inputResponses`, `requestState`), starts a task, or
  /// uses something that is not known here. Such calls are never cached and never joined (MCP 2026-07-28, caching).
  var isContinuation: Bool {
    params.members.contains { member in !Self.plainMembers.contains { member.name.isString($0) } }
  }
}
