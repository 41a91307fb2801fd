/// A JSON document, scanned once and kept as the bytes it came as.
///
/// Strict RFC 8259 in UTF-8 without a byte order mark. Beyond the RFC's grammar it refuses duplicate member names (compared after unescaping),
/// escaped surrogates without their other half, and whatever exceeds the limits. The text of numbers is kept.
package struct JSONDocument: Sendable {
  let storage: JSONStorage
  private let rootIndex: Int

  /// Scans `bytes` once; the time grows linearly with their number.
  package init(parsing bytes: [UInt8], limits: JSONLimits = .init()) throws(JSONError) {
    storage = JSONStorage(bytes: bytes, tape: try JSONScanner.tape(of: bytes, limits: limits))
    rootIndex = 0
  }

  /// A part of a document as one of its own, without another scan. It keeps the whole document in memory.
  package init(_ part: JSONValue) {
    storage = part.storage
    rootIndex = part.index
  }

  /// The bytes that were scanned, whitespace around the document included; of a part, its own.
  package var bytes: [UInt8] { rootIndex == 0 ? storage.bytes : root.raw }
  /// The document's one value.
  package var root: JSONValue { JSONValue(storage: storage, index: rootIndex) }
}
