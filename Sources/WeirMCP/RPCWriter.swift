import WeirJSON

/// Writes JSON-RPC messages: JSON text in one line, without a line break at the end. Line breaks in the texts that are passed in become spaces.
package enum RPCWriter {
  private static let head = Array(#"{"jsonrpc":"2.0""#.utf8)

  /// `params` is JSON text.
  package static func request(id: RPCID, method: String, params: [UInt8]?) -> [UInt8] {
    var result = start(id: id, room: 32 + method.utf8.count + (params?.count ?? 0))
    append(method: method, params: params, to: &result)
    return result
  }

  /// `params` is JSON text.
  package static func notification(method: String, params: [UInt8]?) -> [UInt8] {
    var result = start(id: nil, room: 32 + method.utf8.count + (params?.count ?? 0))
    append(method: method, params: params, to: &result)
    return result
  }

  /// `text` is JSON text, which must be an object.
  package static func result(id: RPCID, _ text: some Collection<UInt8>) -> [UInt8] { result(id: id, Array(text)) }

  /// `text` is JSON text, which must be an object.
  package static func result(id: RPCID, _ text: [UInt8]) -> [UInt8] {
    var result = start(id: id, room: 16 + text.count)
    result.append(contentsOf: #","result":"#.utf8)
    SingleLine.append(text, to: &result)
    result.append(UInt8(ascii: "}"))
    return result
  }

  /// The same for a text in pieces, which are not copied. They must hold no line break.
  package static func result(id: RPCID, pieces: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
    var head = start(id: id, room: 16)
    head.append(contentsOf: #","result":"#.utf8)
    return [head[...]] + pieces + [[UInt8(ascii: "}")]]
  }

  /// Without an id the member is left out: no revision of MCP allows null.
  package static func error(id: RPCID?, _ error: RPCErrorObject) -> [UInt8] {
    var result = start(id: id, room: 64 + error.message.utf8.count + (error.data?.count ?? 0))
    result.append(contentsOf: #","error":{"code":"#.utf8)
    result.append(contentsOf: String(error.code).utf8)
    result.append(contentsOf: #","message":"#.utf8)
    result.append(contentsOf: JSONWriter.quoted(error.message))
    if let data = error.data {
      result.append(contentsOf: #","data":"#.utf8)
      SingleLine.append(data, to: &result)
    }
    result.append(contentsOf: "}}".utf8)
    return result
  }

  private static func start(id: RPCID?, room: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(head.count + 8 + (id?.raw.count ?? 0) + room)
    result.append(contentsOf: head)
    if let id {
      result.append(contentsOf: #","id":"#.utf8)
      result.append(contentsOf: id.raw)
    }
    return result
  }

  private static func append(method: String, params: [UInt8]?, to result: inout [UInt8]) {
    result.append(contentsOf: #","method":"#.utf8)
    result.append(contentsOf: JSONWriter.quoted(method))
    if let params {
      result.append(contentsOf: #","params":"#.utf8)
      SingleLine.append(params, to: &result)
    }
    result.append(UInt8(ascii: "}"))
  }
}
