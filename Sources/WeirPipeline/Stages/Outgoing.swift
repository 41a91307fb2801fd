internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirFlow
internal import WeirJSON
internal import WeirMCP

/// A request on its way to its upstream: the call of somebody who may make it, or a part of what it asks for.
struct Outgoing: Sendable {
  let permitted: Permitted
  /// What is sent in the place of the caller's arguments, a JSON object; nil: what the caller wrote.
  let arguments: [UInt8]?
  /// How many requests the provider will probably get for it.
  let requests: Int
  /// Where it may leave together with others.
  let merging: MergeableCall?
  /// The calls with such arguments, where their answers are worth having along with this one's.
  private(set) var passenger: (@Sendable ([UInt8]) -> Passenger?)?
  /// Who asks; nil where the answer may be given to others.
  private(set) var client: UpstreamCaller?
  /// Whether `task` goes with it.
  private(set) var mayBeTask = false
  /// Members of `params` in the place of the caller's own.
  private var members: InputRounds.Members = []

  /// The whole call, as its policy has it.
  init(_ permitted: Permitted) {
    self.init(
      permitted, arguments: permitted.policy.sentArguments, requests: permitted.policy.requests,
      merging: permitted.policy.caching.isCached ? permitted.policy.merging : nil)
  }

  /// A call that is passed on as it is.
  /// - Parameter mayBeTask: the upstream knows tasks, and the client asked Weir that declares them.
  init(_ permitted: Permitted, client: UpstreamCaller?, mayBeTask: Bool = false) {
    self.init(permitted)
    self.client = client
    self.mayBeTask = mayBeTask
  }

  /// The same with these members of `params`.
  func adding(_ members: InputRounds.Members) -> Outgoing {
    var copy = self
    copy.members = members
    return copy
  }

  /// Other arguments of the same tool, which its policy made of the call's own.
  init(_ permitted: Permitted, arguments: [UInt8]?, requests: Int, merging: MergeableCall?) {
    self.permitted = permitted
    self.arguments = arguments
    self.requests = requests
    self.merging = merging
  }

  /// The same, with room for others that nobody waits for.
  func bringing(_ passenger: @escaping @Sendable ([UInt8]) -> Passenger?) -> Outgoing {
    var copy = self
    copy.passenger = passenger
    return copy
  }

  /// The same, to be sent by itself.
  var alone: Outgoing { Outgoing(permitted, arguments: arguments, requests: requests, merging: nil) }

  /// Only calls of one tool in one partition merge: who may not be given another's answer never shares a request with them.
  func laneGroup(of merging: MergeableCall) -> LaneGroup {
    LaneGroup(bytes: permitted.route.keys(for: permitted.caller).key(arguments: Array("merge:".utf8) + merging.group).bytes)
  }

  /// Members of `params` that are not passed on as they are. An upstream that declares no tasks must not see `task`; it answers such a call like
  /// any other (MCP 2025-11-25, tasks).
  private var ownMembers: [String] { mayBeTask ? ["name", "_meta"] : ["name", "_meta", "task"] }

  /// What the upstream is sent.
  /// - Parameter merged: the arguments of several calls as one, in the place of this one's.
  func request(merged: [UInt8]? = nil, deadline: Moment, onProgress: (@Sendable (CallProgress) -> Void)?) -> UpstreamRequest {
    let isCached = permitted.policy.caching.isCached
    let explicit = merged ?? arguments
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("name", permitted.route.tool.name.string)
    for (name, value) in permitted.call.params.members {
      guard let key = name.string, !ownMembers.contains(where: { name.isString($0) }) else { continue }
      if name.isString("arguments"), explicit != nil { continue }
      if members.contains(where: { name.isString($0.name) }) { continue }
      writer.memberRaw(key, value.raw)
    }
    if let explicit { writer.memberRaw("arguments", explicit) }
    for member in members { if let value = member.value { writer.memberRaw(member.name, value) } }
    writer.endObject()
    var request = UpstreamRequest(
      method: MCPMethod.toolsCall, name: permitted.route.tool.name, params: writer.bytes,
      // What a shared answer is made from must not depend on who asked first.
      meta: isCached ? nil : permitted.call.params.forwardedMeta, caller: client, deadline: deadline, isRepeatable: isCached, onProgress: onProgress)
    // A header that the tool's definition does not name is forwarded all the same, where the answer is its sender's alone.
    if !isCached { request.clientHeaders = permitted.call.parameters.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) } }
    if let parameters = permitted.route.headerParameters {
      let sent = explicit.flatMap { try? JSONDocument(parsing: $0).root } ?? permitted.call.params["arguments"]
      request.headers = parameters.headers(of: sent)
    }
    return request
  }
}
