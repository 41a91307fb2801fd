internal import WeirCore
internal import WeirTenancy

/// After stage *resolve*: the call, who makes it, and which tool of which upstream it means.
package struct Resolved: Sendable {
  let call: ReceivedCall
  let caller: Identified
  let route: ToolRoute

  /// - Throws: `unknownTool`. The message is the same for a tool that is not there and for one whose upstream is away.
  static func resolve(_ call: ReceivedCall, by caller: Identified, in directory: ToolDirectory.Snapshot) throws(CallError) -> Resolved {
    guard let route = directory.route(named: call.name, at: call.endpoint) else {
      throw CallError(.unknownTool, "There is no tool of that name here now; tools/list has those that are.")
    }
    return Resolved(call: call, caller: caller, route: route)
  }
}
