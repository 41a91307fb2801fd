internal import WeirCore
internal import WeirJSON

extension CostAnswer {
  /// A tool result like this one, of other buckets.
  /// - Parameter isDerived: amounts in them were added up.
  func result(definitions: [JSONValue], buckets: [[UInt8]], attributes: [JSONValue], isDerived: Bool = false) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if !definitions.isEmpty { Self.write(definitions.map(\.rawBytes), "GroupDefinitions", to: &writer) }
    Self.write(buckets.map { $0[...] }, "ResultsByTime", to: &writer)
    if frame.data["DimensionValueAttributes"] != nil { Self.write(attributes.map(\.rawBytes), "DimensionValueAttributes", to: &writer) }
    writer.endObject()
    return frame.result(with: writer.bytes, isDerived: isDerived)
  }

  private static func write(_ elements: [ArraySlice<UInt8>], _ name: String, to writer: inout JSONWriter) {
    writer.key(name)
    writer.beginArray()
    for element in elements { writer.raw(element) }
    writer.endArray()
  }
}

extension CostAnswer.Bucket {
  /// The bucket with other rows.
  func with(total: [UInt8], groups: [[UInt8]]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.memberRaw("TimePeriod", timePeriod.rawBytes)
    writer.memberRaw("Total", total)
    writer.key("Groups")
    writer.beginArray()
    for group in groups { writer.raw(group) }
    writer.endArray()
    writer.memberRaw("Estimated", estimated.rawBytes)
    writer.endObject()
    return writer.bytes
  }
}

extension CostAnswer.Group {
  /// The group without the other metrics and, where it says so, without its first key.
  func with(metrics kept: [CostMetric], droppingFirstKey: Bool) -> [UInt8] {
    with(keys: Array(keyTexts.dropFirst(droppingFirstKey ? 1 : 0)), metrics: kept)
  }

  /// The group under other keys and without the other metrics.
  func with(keys: [JSONValue], metrics kept: [CostMetric]) -> [UInt8] { Self.text(keys: keys, metrics: metrics.object(of: kept)) }

  /// - Parameter metrics: a JSON object.
  static func text(keys: [JSONValue], metrics: [UInt8]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("Keys")
    writer.beginArray()
    for key in keys { writer.raw(key.rawBytes) }
    writer.endArray()
    writer.memberRaw("Metrics", metrics)
    writer.endObject()
    return writer.bytes
  }
}

extension [CostAnswer.Metric] {
  /// Those of these metrics, as a JSON object in the order of the answer.
  func object(of kept: [CostMetric]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for metric in self where kept.contains(metric.metric) { writer.memberRaw(metric.metric.rawValue, metric.value.rawBytes) }
    writer.endObject()
    return writer.bytes
  }
}
