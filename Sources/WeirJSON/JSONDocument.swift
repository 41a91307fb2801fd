/// A JSON document, scanned once and kept as the bytes it came as.
///
/// Strict RFC 8259 in UTF-8 without a byte order mark. Beyond the RFC's grammar it refuses duplicate member names (compared after unescaping),
/// escaped surrogates without their other half, and whatever exceeds the limits. The text of numbers is kept.
package struct JSONDocument: Sendable {
  let storage: JSONStorage

  /// Scans `bytes` once; the time grows linearly with their number.
  package init(parsing bytes: [UInt8], limits: JSONLimits = .init()) throws(JSONError) {
    storage = JSONStorage(bytes: bytes, tape: try JSONScanner.tape(of: bytes, limits: limits))
  }

  /// The bytes that were scanned, whitespace around the document included.
  package var bytes: [UInt8] { storage.bytes }
  /// The document's one value.
  package var root: JSONValue { JSONValue(storage: storage, index: 0) }
}
