package import WeirJSON

/// One JSON-RPC 2.0 message as MCP restricts it: no batches, ids are strings or integers, params and results are objects.
package enum RPCMessage: Sendable {
  case request(id: RPCID, method: String, params: JSONValue?)
  case notification(method: String, params: JSONValue?)
  case response(id: RPCID, result: JSONValue)
  /// A response that says why there is none; without an id where the other side could not read that of the request.
  case failure(id: RPCID?, error: RPCErrorObject)

  /// Sorts a document into the four kinds, or throws `invalidRequest` with a line that says what is wrong. Members that JSON-RPC does not know are
  /// left alone.
  package static func parse(_ root: JSONValue) throws(RPCErrorObject) -> RPCMessage {
    if root.kind == .array { throw invalid("a batch (an array of messages) is not accepted; send one message at a time") }
    guard root.kind == .object else { throw invalid("a message must be a JSON object") }
    guard let version = root["jsonrpc"], version.isString("2.0") else { throw invalid("the member \"jsonrpc\" must be the string \"2.0\"") }
    if let method = root["method"] { return try call(root, method) }
    return try answer(root)
  }

  /// The id of a message that may be faulty otherwise, for the answer that says so; nil where there is none that can be read.
  package static func id(of root: JSONValue) -> RPCID? { root["id"].flatMap { RPCID($0) } }

  private static func call(_ root: JSONValue, _ method: JSONValue) throws(RPCErrorObject) -> RPCMessage {
    guard let name = method.string else { throw invalid("the member \"method\" must be a string") }
    guard root["result"] == nil, root["error"] == nil else { throw invalid("a message with \"method\" can have neither \"result\" nor \"error\"") }
    let params = root["params"]
    if let params, params.kind != .object { throw invalid("the member \"params\" must be an object; leave it out where there is nothing to say") }
    guard let id = root["id"] else { return .notification(method: name, params: params) }
    return .request(id: try identifier(id), method: name, params: params)
  }

  private static func answer(_ root: JSONValue) throws(RPCErrorObject) -> RPCMessage {
    switch (root["result"], root["error"]) {
    case (nil, nil): throw invalid("a message must have \"method\", \"result\" or \"error\"")
    case (.some, .some): throw invalid("a response can have \"result\" or \"error\", not both")
    case (let result?, nil):
      guard let id = root["id"] else { throw invalid("a response with \"result\" must have an \"id\"") }
      guard result.kind == .object else { throw invalid("the member \"result\" must be an object") }
      return .response(id: try identifier(id), result: result)
    case (nil, let error?):
      guard let id = root["id"], !id.isNull else { return .failure(id: nil, error: try errorObject(error)) }
      return .failure(id: try identifier(id), error: try errorObject(error))
    }
  }

  private static func identifier(_ value: JSONValue) throws(RPCErrorObject) -> RPCID {
    if value.isNull { throw invalid("the member \"id\" must not be null; leave it out in a notification") }
    guard let id = RPCID(value) else { throw invalid("the member \"id\" must be a string or an integer of at most 20 digits") }
    return id
  }

  private static func errorObject(_ value: JSONValue) throws(RPCErrorObject) -> RPCErrorObject {
    guard value.kind == .object, let code = value["code"]?.int else {
      throw invalid("the member \"error\" must be an object with an integer \"code\"")
    }
    guard let message = value["message"]?.string else { throw invalid("the member \"error\" must have a string \"message\"") }
    return RPCErrorObject(code: code, message: message, data: value["data"]?.raw)
  }

  private static func invalid(_ message: String) -> RPCErrorObject { RPCErrorObject(code: RPCErrorObject.invalidRequest, message: message) }
}
