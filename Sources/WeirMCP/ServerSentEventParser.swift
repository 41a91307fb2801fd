/// Reads an event stream in pieces, however it is cut (WHATWG HTML §9.2.5 and §9.2.6). Holds no more than one event.
package struct ServerSentEventParser: Sendable {
  private let maxEventBytes: Int
  private var line: [UInt8] = []
  private var data: [UInt8]?
  private var event: String?
  private var blockRetry: Int?
  private var isFirstLine = true
  /// The last byte was a carriage return, which ended a line: a line feed right after it belongs to it.
  private var endedByReturn = false
  private var hasFailed = false

  private var idBuffer: String?

  /// The id of the last block that is complete, also of one without data; what `Last-Event-ID` wants.
  package private(set) var lastEventID: String?
  /// The last reconnection time that the stream has named, in milliseconds.
  package private(set) var retry: Int?

  package init(maxEventBytes: Int = 8 * 1024 * 1024) {
    self.maxEventBytes = maxEventBytes
  }

  /// The events that `bytes` complete, in order. Once it has thrown it throws always.
  package mutating func feed(_ bytes: some Collection<UInt8>) throws(ServerSentEventError) -> [ServerSentEvent] {
    if hasFailed { throw .eventTooLarge(limit: maxEventBytes) }
    var events: [ServerSentEvent] = []
    var isWithinLimit = true
    let read: Void? = bytes.withContiguousStorageIfAvailable { isWithinLimit = self.read($0, into: &events) }
    if read == nil { isWithinLimit = Array(bytes).withUnsafeBufferPointer { self.read($0, into: &events) } }
    guard isWithinLimit else {
      hasFailed = true
      finish()
      throw .eventTooLarge(limit: maxEventBytes)
    }
    return events
  }

  /// The stream has ended: forgets what no blank line has completed, as the standard wants it, and says whether there was any.
  @discardableResult
  package mutating func finish() -> Bool {
    let isIncomplete = data != nil || !line.isEmpty
    line = []
    data = nil
    event = nil
    blockRetry = nil
    return isIncomplete
  }

  /// False where an event exceeds the limit.
  private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>, into events: inout [ServerSentEvent]) -> Bool {
    var index = 0
    if endedByReturn, let first = bytes.first {
      endedByReturn = false
      if first == 0x0A { index = 1 }
    }
    while index < bytes.count {
      var stop = index
      while stop < bytes.count, bytes[stop] != 0x0A, bytes[stop] != 0x0D { stop += 1 }
      guard line.count + (data?.count ?? 0) + (stop - index) <= maxEventBytes else { return false }
      line.append(contentsOf: bytes[index..<stop])
      guard stop < bytes.count else { return true }
      endLine(into: &events)
      index = stop + 1
      guard bytes[stop] == 0x0D else { continue }
      if index == bytes.count { endedByReturn = true } else if bytes[index] == 0x0A { index += 1 }
    }
    return true
  }

  private mutating func endLine(into events: inout [ServerSentEvent]) {
    defer { line.removeAll(keepingCapacity: line.count <= 64 * 1024) }
    if isFirstLine {
      isFirstLine = false
      if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    }
    guard !line.isEmpty else { return dispatch(into: &events) }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return field(line[...], []) }
    // A line that starts with a colon is a comment.
    guard colon > 0 else { return }
    let value = line[(colon + 1)...]
    field(line[..<colon], value.first == 0x20 ? value.dropFirst() : value)
  }

  private mutating func field(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
    if name.elementsEqual("data".utf8) {
      if data == nil { data = [] } else { data?.append(0x0A) }
      data?.append(contentsOf: value)
    } else if name.elementsEqual("event".utf8) {
      event = value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
    } else if name.elementsEqual("id".utf8) {
      if !value.contains(0) { idBuffer = String(decoding: value, as: UTF8.self) }
    } else if name.elementsEqual("retry".utf8) {
      guard !value.isEmpty, value.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), let time = Int(String(decoding: value, as: UTF8.self)) else { return }
      blockRetry = time
      retry = time
    }
  }

  private mutating func dispatch(into events: inout [ServerSentEvent]) {
    lastEventID = idBuffer
    if let data { events.append(ServerSentEvent(id: lastEventID, event: event, data: data, retry: blockRetry)) }
    data = nil
    event = nil
    blockRetry = nil
  }
}
