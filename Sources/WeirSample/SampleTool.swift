internal import WeirJSON

/// The sample server's `cost-explorer` tool.
struct SampleTool {
  static let name = "cost-explorer"

  static let definition = Array(
    """
    {"name":"cost-explorer","title":"Sample cost explorer","description":"Costs of an invented AWS bill. operation is getCostAndUsage \
    (start_date, end_date exclusive, granularity DAILY or MONTHLY, metrics, group_by, filter as in AWS Cost Explorer) or getDimensionValues \
    (dimension LINKED_ACCOUNT, SERVICE or REGION).","inputSchema":{"type":"object","properties":{"operation":{"type":"string","enum":\
    ["getCostAndUsage","getDimensionValues"]},"start_date":{"type":"string"},"end_date":{"type":"string"},"granularity":{"type":"string",\
    "enum":["DAILY","MONTHLY"]},"metrics":{"type":["array","string"],"items":{"type":"string"}},"group_by":{"type":["array","string"],\
    "items":{"type":"object"}},"filter":{"type":["object","string"]},"dimension":{"type":"string"}},"required":["operation"]},\
    "annotations":{"readOnlyHint":true,"openWorldHint":false}}
    """.utf8)

  let ledger: Ledger
  let today: Int

  /// The body of the answer, as the AWS server shapes it.
  func body(_ arguments: JSONValue?) -> (body: [UInt8], isError: Bool) {
    switch arguments?["operation"]?.string {
    case "getCostAndUsage":
      do {
        let query = try CostQuery(arguments, today: today)
        return (success(CostAnswer(ledger: ledger, today: today).data(for: query)), false)
      } catch {
        return (failure(error.message), true)
      }
    case "getDimensionValues":
      guard let name = arguments?["dimension"]?.string, let key = LedgerKey(type: "DIMENSION", name: name) else {
        return (failure("dimension is LINKED_ACCOUNT, SERVICE or REGION"), true)
      }
      return (success(values(of: key)), false)
    default:
      return (failure("operation is getCostAndUsage or getDimensionValues"), true)
    }
  }

  private func values(of key: LedgerKey) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("DimensionValues")
    writer.beginArray()
    for value in key.values {
      writer.beginObject()
      writer.member("Value", value)
      writer.memberRaw("Attributes", Array("{}".utf8))
      writer.endObject()
    }
    writer.endArray()
    writer.member("ReturnSize", key.values.count)
    writer.member("TotalSize", key.values.count)
    writer.endObject()
    return writer.bytes
  }

  private func success(_ data: [UInt8]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("status", "success")
    writer.memberRaw("data", data)
    writer.endObject()
    return writer.bytes
  }

  private func failure(_ message: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("status", "error")
    writer.member("error_type", "validation_error")
    writer.member("message", message)
    writer.endObject()
    return writer.bytes
  }
}
