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
      var found: [[UInt8]] = []
      for upstream in upstreams {
        do throws(CallError) {
          found += try await tasks(of: upstream, names, request)
        } catch {
          // One that does not answer does not hide what the others have.
          if upstreams.count == 1 { throw error }
        }
      }
      var writer = JSONWriter()
      writer.beginObject()
      writer.key("tasks")
      writer.beginArray()
      for task in found { writer.raw(task) }
      writer.endArray()
      writer.endObject()
      recorder.relayed(
        .listTasks, upstream: upstreams.count == 1 ? upstreams.first : nil, tenant: caller.tenant, outcome: .bypass,
        after: time.now() - request.receivedAt)
      return CallReply(body: .result(try Self.whole(try TaskNames.parse(writer.bytes)), provenance: nil), outcome: .bypass)
    } catch {
      recorder.relayed(.listTasks, upstream: nil, tenant: caller.tenant, outcome: .error, after: time.now() - request.receivedAt)
      return CallReply(body: .failure(error), outcome: .error)
    }
  }

  /// The principal's own tasks at one upstream, as it is to know them. No more pages are read than it takes to find all that were made for it.
  private func tasks(of name: Name, _ names: TaskNames, _ request: RelayedRequest) async throws(CallError) -> [[UInt8]] {
    var wanted = taskBook.tasks(of: name, for: names.principal)
    guard !wanted.isEmpty, let upstream = fetch.dispatch.upstreams[name], let settings = directory.settings[name] else { return [] }
    var found: [[UInt8]] = []
    var cursor: [UInt8]?
    for _ in 0..<Self.mostPages where !wanted.isEmpty {
      let params = cursor.map { Array(#"{"cursor":"#.utf8) + $0 + [UInt8(ascii: "}")] } ?? Array("{}".utf8)
      let page = try await upstream.send(
        UpstreamRequest(
          method: MCPMethod.tasksList, params: params, caller: request.client, deadline: request.receivedAt + settings.callTimeout,
          isRepeatable: true)
      ).root
      if let tasks = page["tasks"] {
        for task in tasks.elements {
          guard let id = task["taskId"]?.stringBytes.flatMap({ Name(utf8: $0) }), wanted.remove(id) != nil else { continue }
          found.append(try names.renamingID(task, of: name).raw)
        }
      }
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
