import Testing
import WeirCore
import WeirMCP

@testable import WeirServer

@Suite("Errors of requests that are no tool calls (issue 4)")
struct CallErrorWireTests {
  @Test(
    "what the model reads in a tool's answer is an error of every other request",
    arguments: [CallError.Reason.denied, .throttled, .overBudget, .upstreamDown, .timedOut, .upstreamInvalid, .overloaded, .internalFault])
  func beside(_ reason: CallError.Reason) {
    let error = CallError(reason, "why")
    for era in [ProtocolEra.modern, .legacy] {
      #expect(CallErrorWire.form(of: error, for: era) == .toolResult)
      #expect(CallErrorWire.form(of: error, for: era, "resources/read") == .error(code: -32603))
    }
  }

  struct Row: Sendable {
    let era: ProtocolEra
    let label: StaticString
    let code: Int
    let data: String?
    let expected: Int
    let status: Int
  }

  @Test(
    "a resource that there is not has the code of its client's era, and unknown methods their status",
    arguments: [
      Row(era: .legacy, label: "resources/read", code: -32602, data: #"{"uri":"a://b"}"#, expected: -32002, status: 200),
      Row(era: .legacy, label: "resources/read", code: -32602, data: nil, expected: -32602, status: 200),
      Row(era: .legacy, label: "prompts/get", code: -32602, data: #"{"uri":"a://b"}"#, expected: -32602, status: 200),
      Row(era: .modern, label: "resources/read", code: -32002, data: #"{"uri":"a://b"}"#, expected: -32602, status: 400),
      Row(era: .modern, label: "completion/complete", code: -32601, data: nil, expected: -32601, status: 404),
      Row(era: .legacy, label: "completion/complete", code: -32601, data: nil, expected: -32601, status: 200),
    ])
  func codes(_ row: Row) {
    let error = CallError(.upstreamError, "why", upstreamCode: row.code, upstreamData: row.data.map { Array($0.utf8) })
    let form = CallErrorWire.form(of: error, for: row.era, row.label)
    #expect(form == .error(code: row.expected))
    #expect(CallErrorWire.status(of: form, for: row.era) == row.status)
    let isTold = row.label.description == "resources/read" && row.data != nil
    if isTold { #expect(CallErrorWire.object(error, code: row.expected).data == row.data.map { Array($0.utf8) }) }
  }

  @Test(
    "a resource of which Weir says that nobody has it is named, under the code of its client's era",
    arguments: [(ProtocolEra.legacy, -32002, 200), (.modern, -32602, 400)])
  func missing(era: ProtocolEra, code: Int, status: Int) {
    var error = CallError(.invalidParams, "nobody has it")
    error.missingResource = #"a://"b""#
    let form = CallErrorWire.form(of: error, for: era, "resources/read")
    #expect(form == .error(code: code))
    #expect(CallErrorWire.status(of: form, for: era) == status)
    #expect(CallErrorWire.object(error, code: code).data == Array(#"{"uri":"a://\"b\""}"#.utf8))
  }
}

@Suite("Progress that rises (issue 4)")
struct ProgressRiseTests {
  @Test("a report that is not above all before it is dropped, and another token begins anew")
  func rises() {
    var rise = ProgressRise()
    func admits(_ number: String, _ token: UInt8) -> Bool {
      rise.admits(CallProgress(params: Array(#"{"progress":\#(number)}"#.utf8)), under: [token])
    }
    #expect([1.0, 2.0, 1.0, 2.0, 2.5].map { admits("\($0)", 1) } == [true, true, false, false, true])
    #expect(admits("1", 2))
    #expect(!admits(#""x""#, 2))
  }
}
