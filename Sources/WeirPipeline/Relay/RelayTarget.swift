internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// Where a relayed request may go, and what it is there.
struct RelayTarget: Sendable {
  let upstream: Name
  let params: [UInt8]
  /// What `Mcp-Name` repeats.
  let name: Name?
  /// The URI that the client used, where it is not the upstream's own.
  let aliasedURI: Name?
}

extension ToolDirectory {
  /// Stands between an upstream's name and one of its URIs where the URI alone would mean another upstream's resource: a scheme such as
  /// `billing+file` (RFC 3986, section 3.1).
  package static let uriSeparator = "+"
}

extension ToolDirectory.Snapshot {
  /// Stage *resolve* of a relayed request: where it goes, most likely first. More than one where a URI is listed nowhere.
  /// - Throws: `invalidParams`.
  func targets(of request: RelayedRequest, among upstreams: [Name], tasks: TaskNames, now: WallTime) throws(CallError) -> [RelayTarget] {
    switch request.method {
    case .readResource: return try resourceTargets(request.params, request.endpoint, upstreams) { $0.removing(["_meta"]) }
    case .getPrompt:
      let (upstream, name) = try owner(of: request.params["name"], request.endpoint, upstreams, what: "params.name")
      let params = try Self.document(request.params.removing(["_meta"])).setting("name", to: JSONWriter.quoted(name.string))
      return [RelayTarget(upstream: upstream, params: params, name: name, aliasedURI: nil)]
    case .complete: return try completionTargets(request, upstreams)
    case .listTasks: return upstreams.map { RelayTarget(upstream: $0, params: Array("{}".utf8), name: nil, aliasedURI: nil) }
    case .getTask, .taskResult, .cancelTask, .updateTask: return [try taskTarget(request.params, upstreams, tasks, now)]
    }
  }

  private func taskTarget(_ params: JSONValue, _ upstreams: [Name], _ tasks: TaskNames, _ now: WallTime) throws(CallError) -> RelayTarget {
    guard let text = params["taskId"]?.stringBytes, let found = tasks.inward(text, now: now), upstreams.contains(found.upstream) else {
      throw Self.invalid("Task not found: there is none of this id for you.")
    }
    let own = try Self.document(params.removing(["_meta"])).setting("taskId", to: JSONWriter.quoted(found.id.string))
    return RelayTarget(upstream: found.upstream, params: own, name: found.id, aliasedURI: nil)
  }

  private func completionTargets(_ request: RelayedRequest, _ upstreams: [Name]) throws(CallError) -> [RelayTarget] {
    guard let reference = request.params["ref"], reference.kind == .object else { throw Self.invalid("params.ref must be an object") }
    let params = try Self.document(request.params.removing(["_meta"]))
    if reference["type"]?.isString("ref/prompt") == true {
      let (upstream, name) = try owner(of: reference["name"], request.endpoint, upstreams, what: "params.ref.name")
      let own = reference.setting("name", to: JSONWriter.quoted(name.string))
      return [RelayTarget(upstream: upstream, params: params.setting("ref", to: own), name: nil, aliasedURI: nil)]
    }
    return try resourceTargets(reference, request.endpoint, upstreams) { params.setting("ref", to: $0.raw) }
  }

  private func resourceTargets(
    _ object: JSONValue, _ endpoint: Endpoint, _ upstreams: [Name], params: (JSONValue) -> [UInt8]
  ) throws(CallError) -> [RelayTarget] {
    guard let bytes = object["uri"]?.stringBytes, let uri = Name(utf8: bytes) else { throw Self.invalid("uri must be a string") }
    guard endpoint == .aggregate else {
      return upstreams.map { RelayTarget(upstream: $0, params: params(object), name: uri, aliasedURI: nil) }
    }
    for upstream in upstreams {
      let prefix = "\(upstream)\(ToolDirectory.uriSeparator)"
      guard uri.utf8.starts(with: prefix.utf8), let own = Name(utf8: Array(uri.utf8.dropFirst(prefix.utf8.count))) else { continue }
      let renamed = try Self.document(object.setting("uri", to: JSONWriter.quoted(own.string)))
      return [RelayTarget(upstream: upstream, params: params(renamed), name: own, aliasedURI: uri)]
    }
    let owners = upstreams.filter { lists(uri, of: $0) }
    return (owners.isEmpty ? upstreams : Array(owners.prefix(1))).map {
      RelayTarget(upstream: $0, params: params(object), name: uri, aliasedURI: nil)
    }
  }

  /// Whose resource it is, and what that calls it.
  func owner(of uri: Name, at endpoint: Endpoint, among upstreams: [Name]) throws(CallError) -> (upstream: Name, uri: Name) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("uri", uri.string)
    writer.endObject()
    let found = try resourceTargets(try Self.document(writer.bytes), endpoint, upstreams) { $0.raw }
    guard let target = found.first, let own = target.name else { throw Self.invalid("Resource not found: nobody here has it.") }
    return (target.upstream, own)
  }

  /// What clients of the aggregate are to call a resource of this upstream where its URI would lead them to another's; nil where it leads to its
  /// own, or to the web, which is read without Weir.
  func alias(of uri: Name, from upstream: Name, among upstreams: [Name]) -> Name? {
    guard upstreams.count > 1, upstreams.contains(upstream) else { return nil }
    let first = upstreams.first { lists(uri, of: $0) }
    if first == upstream { return nil }
    let isWeb = uri.utf8.starts(with: "https:".utf8) || uri.utf8.starts(with: "http:".utf8)
    if first == nil, isWeb { return nil }
    return Name("\(upstream)\(ToolDirectory.uriSeparator)\(uri)")
  }

  /// Whether the upstream lists this resource, or a template of this very text or one that it may be made from.
  private func lists(_ uri: Name, of upstream: Name) -> Bool {
    let items = catalogs[upstream]?.items ?? [:]
    if items[.resources]?.contains(where: { $0.key == uri }) == true { return true }
    return items[.resourceTemplates]?.contains { $0.key == uri || URITemplate.mayMake(uri, from: $0.key) } ?? false
  }

  private func owner(of name: JSONValue?, _ endpoint: Endpoint, _ upstreams: [Name], what: String) throws(CallError) -> (Name, Name) {
    guard let bytes = name?.stringBytes, let name = Name(utf8: bytes) else { throw Self.invalid("\(what) must be a string") }
    if case .upstream(let upstream) = endpoint, upstreams.contains(upstream) { return (upstream, name) }
    for upstream in upstreams {
      let prefix = "\(upstream)\(ToolDirectory.separator)"
      if name.utf8.starts(with: prefix.utf8), let own = Name(utf8: Array(name.utf8.dropFirst(prefix.utf8.count))) { return (upstream, own) }
    }
    throw CallError(.invalidParams, "There is no prompt of that name here now; prompts/list has those that are.")
  }

  private static func document(_ bytes: [UInt8]) throws(CallError) -> JSONValue {
    do { return try JSONDocument(parsing: bytes).root } catch { throw invalid(error.message) }
  }

  private static func invalid(_ message: String) -> CallError { CallError(.invalidParams, message) }
}
