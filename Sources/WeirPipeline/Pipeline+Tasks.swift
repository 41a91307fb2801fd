internal import WeirCore
internal import WeirJSON
internal import WeirMCP
internal import WeirTenancy

/// `tasks/list` (MCP 2025-11-25, tasks).
extension Pipeline {
  /// More pages are asked for of no upstream.
  private static let mostPages = 50

  /// The tasks of this principal at all of these upstreams, on one page.
  func listTasks(_ request: RelayedRequest, of upstreams: [Name], by caller: Identified) async -> CallReply {
    let names = TaskNames(principal: caller.principal, sealer: sealer)
    do throws(CallError) {
      if let cursor = request.params["cursor"], !cursor.isNull {
        throw CallError(.invalidParams, "This cursor is not from here; the list has one page.")
      }
      var writer = JSONWriter()
      writer.beginObject()
      writer.key("tasks")
      writer.beginArray()
      for upstream in upstreams {
        let own = taskBook.tasks(of: upstream, for: caller.principal)
        if own.isEmpty { continue }
        for task in try await tasks(of: upstream, request) {
          guard let id = task["taskId"]?.stringBytes.flatMap({ Name(utf8: $0) }), own.contains(id) else { continue }
          writer.raw(try names.renamingID(task, of: upstream).raw)
        }
      }
      writer.endArray()
      writer.endObject()
      recorder.relayed(
        .listTasks, upstream: upstreams.count == 1 ? upstreams.first : nil, tenant: caller.tenant, outcome: .bypass,
        after: time.now() - request.receivedAt)
      return CallReply(body: .result(try Self.whole(try Self.object(writer.bytes)), provenance: nil), outcome: .bypass)
    } catch {
      recorder.relayed(.listTasks, upstream: nil, tenant: caller.tenant, outcome: .error, after: time.now() - request.receivedAt)
      return CallReply(body: .failure(error), outcome: .error)
    }
  }

  private func tasks(of name: Name, _ request: RelayedRequest) async throws(CallError) -> [JSONValue] {
    guard let upstream = fetch.dispatch.upstreams[name], let settings = directory.settings[name] else { return [] }
    var found: [JSONValue] = []
    var cursor: [UInt8]?
    for _ in 0..<Self.mostPages {
      let params = cursor.map { Array(#"{"cursor":"#.utf8) + $0 + [UInt8(ascii: "}")] } ?? Array("{}".utf8)
      let page = try await upstream.send(
        UpstreamRequest(
          method: MCPMethod.tasksList, params: params, caller: request.client, deadline: request.receivedAt + settings.callTimeout,
          isRepeatable: true)
      ).root
      found += page["tasks"]?.elements.map { $0 } ?? []
      guard let next = page["nextCursor"], next.kind == .string else { return found }
      cursor = next.raw
    }
    return found
  }

  private static func whole(_ result: JSONValue) throws(CallError) -> CallResult {
    do {
      return try CallResult(relaying: result, isTool: false, isCacheable: false)
    } catch {
      throw CallError(.internalFault, error.message)
    }
  }
}
