internal import WeirCore

/// Gives a long list in pages. A cursor says where the page before ended, by name, so that it holds while the list changes; it is sealed for its
/// principal, endpoint and list (MCP 2026-07-28, pagination: cursors are opaque).
struct ListPages: Sendable {
  /// One definition, under the name by which clients know it.
  typealias Element = (key: Name, json: [UInt8])

  /// More than most servers have of anything, so that most lists are one page.
  static let usualSize = 1000
  private static let purpose = "cursor"

  let principal: Name
  let endpoint: Endpoint
  /// The method that lists.
  let list: String
  let sealer: Sealer
  let ttl: Duration
  var size = usualSize

  /// - Throws: `invalidParams` for a cursor that is not from here.
  func page(of elements: [Element], after cursor: [UInt8]?, now: WallTime) throws(CallError) -> Listing {
    let start = try cursor.map { text throws(CallError) in try position(text, in: elements, now) } ?? 0
    let end = min(elements.count, start + max(1, size))
    var json: [UInt8] = [UInt8(ascii: "[")]
    for element in elements[start..<end] {
      if json.count > 1 { json.append(UInt8(ascii: ",")) }
      json += element.json
    }
    json.append(UInt8(ascii: "]"))
    return Listing(items: json, ttl: ttl, next: end < elements.count ? try self.cursor(after: end, in: elements) : nil)
  }

  private var names: [Name] { [principal, endpoint == .aggregate ? "all" : "one", endpointName, Name(list)] }
  private var endpointName: Name { if case .upstream(let name) = endpoint { name } else { "" } }

  private func cursor(after count: Int, in elements: [Element]) throws(CallError) -> String {
    let payload = withUnsafeBytes(of: UInt64(count).bigEndian) { Array($0) } + Array(elements[count - 1].key.utf8)
    guard let text = sealer.sealSteadily(payload, for: Self.purpose, of: names) else {
      throw CallError(.internalFault, "The cursor of the list could not be sealed.")
    }
    return text
  }

  /// Behind the last element of the page before; where that is gone, as many further.
  private func position(_ cursor: [UInt8], in elements: [Element], _ now: WallTime) throws(CallError) -> Int {
    guard let payload = sealer.open(cursor, for: Self.purpose, of: names, now: now), payload.count > 8, let key = Name(utf8: Array(payload[8...]))
    else {
      throw CallError(.invalidParams, "This cursor is not from here; begin the list anew, without one.")
    }
    if let index = elements.firstIndex(where: { $0.key == key }) { return index + 1 }
    let count = payload.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return min(elements.count, max(0, Int(clamping: count) - 1))
  }
}
