/// A first-in-first-out queue of records, linked through the records themselves, so that any of them leaves it in constant time.
struct S3FIFOQueue {
  private var first = S3FIFORecord.end
  private var last = S3FIFORecord.end
  /// The weights of its records together.
  private(set) var bytes = 0

  var isEmpty: Bool { first == S3FIFORecord.end }
  /// The slot whose turn is next.
  var oldest: Int32? { isEmpty ? nil : first }

  mutating func append(_ slot: Int32, in records: inout [S3FIFORecord]) {
    records[Int(slot)].older = last
    records[Int(slot)].younger = S3FIFORecord.end
    if last == S3FIFORecord.end { first = slot } else { records[Int(last)].younger = slot }
    last = slot
    bytes += records[Int(slot)].weight
  }

  mutating func unlink(_ slot: Int32, in records: inout [S3FIFORecord]) {
    let (older, younger) = (records[Int(slot)].older, records[Int(slot)].younger)
    if older == S3FIFORecord.end { first = younger } else { records[Int(older)].younger = younger }
    if younger == S3FIFORecord.end { last = older } else { records[Int(younger)].older = older }
    bytes -= records[Int(slot)].weight
  }
}
