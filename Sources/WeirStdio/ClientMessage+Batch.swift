import WeirJSON
import WeirMCP

/// Lines that are arrays of messages.
extension ClientMessage {
  static let maxMembers = 256

  /// What a line says, and what in it is no message.
  static func read(_ line: [UInt8]) -> (message: ClientMessage?, faults: [Refusal]) {
    do throws(Refusal) {
      let root = try document(line)
      return root.kind == .array ? try batch(root, line) : (try ClientMessage(root, line), [])
    } catch {
      return (nil, [error])
    }
  }

  /// The members for which it is so, as a batch; nil where there are none.
  func keeping(_ isKept: (ClientMessage) -> Bool) -> ClientMessage? {
    let kept = members.filter(isKept)
    if kept.isEmpty { return nil }
    return kept.count == members.count ? self : ClientMessage(members: kept, line: Self.array(kept))
  }

  private static func batch(_ root: JSONValue, _ line: [UInt8]) throws(Refusal) -> (message: ClientMessage?, faults: [Refusal]) {
    let elements = Array(root.elements.prefix(maxMembers + 1))
    guard !elements.isEmpty, elements.count <= maxMembers else {
      let error = RPCErrorObject(code: RPCErrorObject.invalidRequest, message: "a batch has 1 to \(maxMembers) messages")
      throw Refusal(id: nil, error: error)
    }
    var members: [ClientMessage] = []
    var faults: [Refusal] = []
    for element in elements {
      do throws(Refusal) { members.append(try ClientMessage(element, element.raw)) } catch { faults.append(error) }
    }
    if members.isEmpty { return (nil, faults) }
    return (ClientMessage(members: members, line: faults.isEmpty ? line : array(members)), faults)
  }

  private static func array(_ members: [ClientMessage]) -> [UInt8] {
    [UInt8(ascii: "[")] + members.map(\.line).joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
  }
}
