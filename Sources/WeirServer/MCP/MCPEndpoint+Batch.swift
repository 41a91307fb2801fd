import NIOCore
import WeirCore
import WeirJSON
import WeirMCP

/// JSON-RPC batches, which only 2025-03-26 has (Streamable HTTP, sending messages to the server).
extension MCPEndpoint {
  private static let mostMessages = 32
  /// Bytes of all answers together: they are one body, which is nobody else's.
  private static let mostBytes = 8 * 1024 * 1024

  /// The answers to the messages of an array, each on its own.
  func batch(_ root: JSONValue, _ exchange: Exchange) throws(RPCErrorObject) -> Answer {
    guard exchange.request.fields.session != nil, case .success(let session) = findSession(exchange), session.facts.revision == .v2025_03_26 else {
      throw RPCErrorObject(code: RPCErrorObject.invalidRequest, message: "a batch is for sessions of 2025-03-26 alone; send one message, an object")
    }
    let elements = Array(root.elements.prefix(Self.mostMessages + 1))
    guard !elements.isEmpty, elements.count <= Self.mostMessages else {
      throw RPCErrorObject(code: RPCErrorObject.invalidRequest, message: "a batch has 1 to \(Self.mostMessages) messages")
    }
    return Answer(
      kind: .batch(
        elements.map { element in
          do throws(RPCErrorObject) {
            let message = try RPCMessage.parse(element)
            if case .request(_, let method, _) = message, ASCII.equals(method, MCPMethod.initialize) {
              throw RPCErrorObject(code: RPCErrorObject.invalidRequest, message: "initialize must not be part of a batch")
            }
            return legacy(message, in: session, exchange.element(element.raw))
          } catch {
            return .reply(reply(400, RPCMessage.id(of: element), error))
          }
        }))
  }

  /// One array of what all of them are answered; nothing, where none is. Who waits for a batch gets no reports and no questions, and of answers
  /// that are too large together an error in the place of each that found no room.
  func reply(toBatch answers: [Answer]) async -> Reply {
    let bodies = await self.bodies(of: answers)
    var bytes: [UInt8] = []
    for (id, body) in bodies {
      guard var body, body.count > 0 else { continue }
      bytes.append(UInt8(ascii: bytes.isEmpty ? "[" : ","))
      if bytes.count + body.count > Self.mostBytes {
        let error = RPCErrorObject(code: RPCErrorObject.internalError, message: "the answers of this batch are too large together; ask for it alone")
        body = .whole(RPCWriter.error(id: id, error))
      }
      while let part = body.next() { bytes += part.readableBytesView }
    }
    guard !bytes.isEmpty else { return Reply(202, label: "batch") }
    bytes.append(UInt8(ascii: "]"))
    return Reply(200, .json, bytes, label: "batch")
  }

  /// The answers in their order, each with the id of its call where it was waited for.
  private func bodies(of answers: [Answer]) async -> [(RPCID?, ReplyBody?)] {
    let bodies = await withTaskGroup(of: (Int, RPCID?, ReplyBody?).self) { group in
      for (index, answer) in answers.enumerated() {
        group.addTask {
          switch answer.kind {
          case .reply(let reply): (index, nil, reply.body)
          case .waiting(let call):
            (index, call.id, (await call.reply() ?? Self.drained(call)).map { encoded($0, id: call.id, era: call.era, label: call.label).body })
          case .forwarded(let forward):
            (index, forward.id, await fleet.map { Forwarder(fleet: $0, time: time) }?.answer(forward, limit: Self.mostBytes, endpoint: self))
          case .stream, .elsewhere, .resumed, .batch, .action: (index, nil, nil)
          }
        }
      }
      return await group.reduce(into: [Int: (RPCID?, ReplyBody?)]()) { $0[$1.0] = ($1.1, $1.2) }
    }
    return answers.indices.compactMap { bodies[$0] }
  }
}
