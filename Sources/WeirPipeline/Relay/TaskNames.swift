internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// What tasks are called: upstreams' ids leave as `<upstream>.<seal>`, which only the principal that the task was made for can use, at any
/// replica of the same key (MCP 2025-11-25, tasks, and the tasks extension of 2026-07-28).
struct TaskNames: Sendable {
  private static let purpose = "task"
  private static let member = "taskId"

  let principal: Name
  let sealer: Sealer

  /// The id that clients know; nil where the system's cryptography fails.
  func outward(_ id: [UInt8], of upstream: Name) -> [UInt8]? {
    sealer.sealSteadily(id, for: Self.purpose, of: [principal, upstream]).map { Array("\(upstream).\($0)".utf8) }
  }

  /// Whose task an id names, and what it is called there; nil for what is not this principal's.
  func inward(_ text: [UInt8], now: WallTime) -> (upstream: Name, id: Name)? {
    guard let dot = text.firstIndex(of: UInt8(ascii: ".")), let upstream = Name(utf8: Array(text[..<dot])),
      let id = sealer.open(Array(text[(dot + 1)...]), for: Self.purpose, of: [principal, upstream], now: now), let name = Name(utf8: id)
    else { return nil }
    return (upstream, name)
  }

  /// A result with every id of a task in it as clients know it: the task itself, the one that was made, those of a list, the related one.
  func renaming(_ result: JSONValue, of upstream: Name) throws(CallError) -> [UInt8] {
    var root = try renamingID(result, of: upstream)
    if let task = root["task"], task.kind == .object {
      root = try Self.parse(root.setting("task", to: try renamingID(task, of: upstream).raw))
    }
    guard let meta = root[MetaKey.meta], let related = meta[MetaKey.relatedTask], related.kind == .object else { return root.raw }
    let renamed = meta.setting(MetaKey.relatedTask, to: try renamingID(related, of: upstream).raw)
    return root.setting(MetaKey.meta, to: renamed)
  }

  /// One task, or another object that has its id.
  func renamingID(_ object: JSONValue, of upstream: Name) throws(CallError) -> JSONValue {
    guard let id = object[Self.member]?.stringBytes else { return object }
    guard let text = outward(id, of: upstream) else { throw CallError(.internalFault, "The id of a task could not be sealed.") }
    return try Self.parse(object.setting(Self.member, to: JSONWriter.quoted(String(decoding: text, as: UTF8.self))))
  }

  /// What is said or asked of a task, under its outward name.
  func renamed(_ params: [UInt8]?, of upstream: Name) -> [UInt8]? {
    guard let params, let root = try? JSONDocument(parsing: params).root, root[MetaKey.meta]?[MetaKey.relatedTask] != nil else { return params }
    return try? renaming(root, of: upstream)
  }

  /// What a client answers, with the task that it is about as its upstream knows it.
  func ownNames(in answer: [UInt8], now: WallTime) -> [UInt8] {
    guard let root = try? JSONDocument(parsing: answer).root, let meta = root[MetaKey.meta], let related = meta[MetaKey.relatedTask],
      let text = related[Self.member]?.stringBytes, let own = inward(text, now: now)
    else { return answer }
    return root.setting(
      MetaKey.meta, to: meta.setting(MetaKey.relatedTask, to: related.setting(Self.member, to: JSONWriter.quoted(own.id.string))))
  }

  static func parse(_ bytes: [UInt8]) throws(CallError) -> JSONValue {
    do {
      return try JSONDocument(parsing: bytes, limits: .upstreamResult).root
    } catch {
      throw CallError(.upstreamInvalid, error.message)
    }
  }
}

extension CallResult {
  /// The call goes on as a task of the extension (MCP 2026-07-28).
  var isTask: Bool { unfinishedType.map { $0.elementsEqual(#""task""#.utf8) } ?? false }

  /// The same result with other bytes.
  func replacing(_ bytes: [UInt8]) throws(CallError) -> CallResult {
    do { return try with(bytes) } catch { throw CallError(.upstreamInvalid, error.message) }
  }
}
