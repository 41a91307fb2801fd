import Testing
import WeirJSON
import WeirSample

@Suite("The sample server")
struct SampleServerTests {
  let server = SampleServer(latency: .zero, today: { 20_780 })

  func answer(_ message: String) async throws -> JSONValue {
    let bytes = try #require(await server.answer(to: Array(message.utf8)))
    return try JSONDocument(parsing: bytes).root
  }

  func data(_ arguments: String) async throws -> JSONValue {
    let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"cost-explorer","arguments":\#(arguments)}}"#
    return try #require(try await answer(call)["result"]?["structuredContent"]?["data"])
  }

  /// Millionths, from a text such as `12.345678`.
  func amount(_ value: JSONValue?) throws -> Int {
    let text = try #require(value?["UnblendedCost"]?["Amount"]?.string)
    return try #require(Int(text.filter { $0 != "." }))
  }

  @Test("groups add up to the total, whatever they are grouped by", arguments: ["SERVICE", "LINKED_ACCOUNT", "REGION"])
  func sums(_ key: String) async throws {
    let range = #""operation":"getCostAndUsage","start_date":"2026-10-01","end_date":"2026-11-01","granularity":"MONTHLY""#
    let total = try await data("{\(range)}")["ResultsByTime"]?[0]?["Total"]
    let grouped = try await data(#"{\#(range),"group_by":"[{\"Type\":\"DIMENSION\",\"Key\":\"\#(key)\"}]"}"#)["ResultsByTime"]?[0]?["Groups"]
    let sum = try #require(grouped).elements.reduce(0) { try $0 + amount($1["Metrics"]) }
    #expect(try amount(total) == sum)
    #expect(sum > 0)
  }

  @Test("days add up to their month")
  func days() async throws {
    let month = try await data(#"{"operation":"getCostAndUsage","start_date":"2026-09-01","end_date":"2026-10-01","granularity":"MONTHLY"}"#)
    let days = try await data(#"{"operation":"getCostAndUsage","start_date":"2026-09-01","end_date":"2026-10-01"}"#)
    let buckets = try #require(days["ResultsByTime"])
    #expect(buckets.count == 30)
    #expect(try amount(month["ResultsByTime"]?[0]?["Total"]) == buckets.elements.reduce(0) { try $0 + amount($1["Total"]) })
  }

  @Test("a filter and its negation add up to everything")
  func filters() async throws {
    let range = #""operation":"getCostAndUsage","start_date":"2026-10-01","end_date":"2026-11-01","granularity":"MONTHLY""#
    let leaf = #"{"Dimensions":{"Key":"SERVICE","Values":["AWS Lambda","AmazonCloudWatch"]}}"#
    let all = try amount(try await data("{\(range)}")["ResultsByTime"]?[0]?["Total"])
    let some = try amount(try await data(#"{\#(range),"filter":\#(leaf)}"#)["ResultsByTime"]?[0]?["Total"])
    let rest = try amount(try await data(#"{\#(range),"filter":{"Not":\#(leaf)}}"#)["ResultsByTime"]?[0]?["Total"])
    #expect(some > 0 && rest > 0)
    #expect(some + rest == all)
  }

  @Test(
    "wrong arguments are errors that say what is right",
    arguments: [
      #"{"operation":"x"}"#, #"{"operation":"getCostAndUsage","start_date":"2026-11-01","end_date":"2026-10-01"}"#,
      #"{"operation":"getCostAndUsage","metrics":["Nothing"]}"#, #"{"operation":"getCostAndUsage","filter":{"A":1}}"#,
      #"{"operation":"getCostAndUsage","start_date":"soon"}"#, "{}",
    ])
  func wrong(_ arguments: String) async throws {
    let result = try await answer(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"cost-explorer","arguments":\#(arguments)}}"#)[
      "result"]
    #expect(result?["isError"]?.bool == true)
    #expect(result?["structuredContent"]?["status"]?.string == "error")
  }

  @Test("it speaks both eras")
  func eras() async throws {
    let legacy = try await answer(
      #"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#
    )
    #expect(legacy["result"]?["protocolVersion"]?.string == "2025-06-18")
    #expect(legacy["id"]?.string == "a")
    let modern = try await answer(
      #"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#
    )
    #expect(modern["result"]?["resultType"]?.string == "complete")
    #expect(await server.answer(to: Array(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.utf8)) == nil)
    #expect(try await answer("{")["error"]?["code"]?.int == -32700)
  }
}
