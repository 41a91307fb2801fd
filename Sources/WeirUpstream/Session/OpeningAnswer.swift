import WeirCore
import WeirJSON
import WeirMCP

/// What the answers to the opening requests mean, the same for every transport. Errors have been cleaned when they were read.
enum OpeningAnswer: Equatable {
  /// The session is open.
  case open(SessionInfo)
  /// Not a server of the modern era: send `initialize`.
  case tryLegacy
  /// Nothing that Weir speaks. One line.
  case refuse(String)

  /// A result of `server/discover` (MCP 2026-07-28).
  static func discovered(_ result: JSONValue, _ redactor: Redactor) -> OpeningAnswer {
    guard let versions = result["supportedVersions"], versions.kind == .array else { return .tryLegacy }
    if versions.elements.contains(where: { $0.isString(ProtocolRevision.modern.rawValue) }) {
      return .open(
        SessionInfo(revision: .modern, instructions: result["instructions"]?.string, features: UpstreamFeatures(modern: result["capabilities"])))
    }
    return speaksLegacy(versions) ? .tryLegacy : .refuse("it speaks only \(list(versions, redactor)), and Weir none of these")
  }

  /// An error in answer to `server/discover`. Only the codes that 2026-07-28 reserves are a sign of that era.
  static func discoverFailed(_ error: RPCErrorObject) -> OpeningAnswer {
    switch error.code {
    case RPCErrorObject.unsupportedVersion:
      guard let data = error.data, let document = try? JSONDocument(parsing: data), let versions = document.root["supported"],
        versions.kind == .array, !speaksLegacy(versions)
      else { return .tryLegacy }
      return .refuse("it speaks only \(list(versions, .patterns)), and Weir none of these")
    case RPCErrorObject.headerMismatch, RPCErrorObject.missingCapability:
      return .refuse("it refused server/discover with error \(error.code): \(ErrorText.clean(error.message, limit: 200))")
    default:
      return .tryLegacy
    }
  }

  /// A result of `initialize` (MCP 2025-11-25, lifecycle, version negotiation).
  static func initialized(_ result: JSONValue, _ redactor: Redactor) -> OpeningAnswer {
    guard let version = result["protocolVersion"] else { return .refuse("its answer to initialize has no protocolVersion") }
    guard let revision = ProtocolRevision(version), revision.era == .legacy else {
      return .refuse("it answered initialize with the protocol version \(redactor.clean(version.string ?? "that is no text", limit: 40))")
    }
    var features = UpstreamFeatures(result["capabilities"]).union(.asksOnTheWay)
    if revision >= .v2025_11_25 { features.formUnion(UpstreamFeatures(tasks: result["capabilities"]?["tasks"])) }
    return .open(SessionInfo(revision: revision, instructions: result["instructions"]?.string, features: features))
  }

  /// An error in answer to `initialize`.
  static func initializeFailed(_ error: RPCErrorObject) -> OpeningAnswer {
    .refuse("it refused initialize with error \(error.code): \(ErrorText.clean(error.message, limit: 200))")
  }

  private static func speaksLegacy(_ versions: JSONValue) -> Bool {
    versions.elements.contains { ProtocolRevision($0)?.era == .legacy }
  }

  private static func list(_ versions: JSONValue, _ redactor: Redactor) -> String {
    let names = versions.elements.prefix(5).compactMap { $0.string.map { redactor.clean($0, limit: 20) } }
    return names.isEmpty ? "no revision" : names.joined(separator: ", ")
  }
}

extension UpstreamFeatures {
  /// What a `ServerCapabilities` object declares.
  init(_ capabilities: JSONValue?) {
    self = []
    let names: [(String, UpstreamFeatures)] = [
      ("tools", .tools), ("resources", .resources), ("prompts", .prompts), ("completions", .completions), ("logging", .logging),
    ]
    for (name, feature) in names where capabilities?[name]?.kind == .object { insert(feature) }
    if capabilities?["resources"]?["subscribe"]?.bool == true { insert(.subscriptions) }
  }

  /// The same in 2026-07-28, with the extensions that Weir passes on.
  fileprivate init(modern capabilities: JSONValue?) {
    self.init(capabilities)
    if capabilities?["extensions"]?[MetaKey.tasksExtension]?.kind == .object { insert(.taskExtension) }
  }

  /// What `ServerCapabilities.tasks` of 2025-11-25 declares.
  fileprivate init(tasks: JSONValue?) {
    self = []
    guard tasks?["requests"]?["tools"]?["call"]?.kind == .object else { return }
    insert(.tasks)
    if tasks?["list"]?.kind == .object { insert(.taskLists) }
    if tasks?["cancel"]?.kind == .object { insert(.taskCancellation) }
  }
}
