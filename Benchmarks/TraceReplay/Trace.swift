import WeirCore
import WeirJSON

/// One `tools/call` as a client sends it.
struct TraceCall: Sendable {
  let server: Name
  let tool: Name
  /// `{"name":…,"arguments":…}`.
  let params: JSONDocument

  init(server: Name, tool: Name, arguments: [UInt8]) {
    self.server = server
    self.tool = tool
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("name", tool.string)
    writer.memberRaw("arguments", arguments)
    writer.endObject()
    // Written by a writer of JSON a line above.
    guard let document = try? JSONDocument(parsing: writer.bytes) else { fatalError("The trace writes arguments that are no JSON.") }
    self.params = document
  }
}

/// Who calls: a person with a chat client, or an agent.
struct Caller: Sendable {
  let name: String
  let tenant: String
  let hand: Handwriting
}

/// What a caller does in one go: steps one after the other, the calls of each together.
struct Visit: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case dashboard = "dashboards"
    case drillDown = "drill-downs"
    case question = "agents' questions"
    case report = "agents' scheduled reports"
    case prices = "price look-ups"
  }

  struct Step: Sendable {
    /// Since the last answer of the step before.
    let pause: Duration
    let calls: [TraceCall]
    /// How many of them the client has under way at once.
    var width = 64
  }

  let kind: Kind
  /// Index into the trace's callers.
  let caller: Int
  /// Since the start of the week.
  let start: Duration
  let steps: [Step]

  var callCount: Int { steps.reduce(0) { $0 + $1.calls.count } }

  /// One line of JSON, each call as the request to AWS that its server makes of it.
  func json(on first: CivilDate) -> String {
    let today = first + Int(start / .seconds(86_400))
    let steps = self.steps.map { step in
      let calls = step.calls.compactMap { AWSCall(tool: $0.tool.string, arguments: $0.params.root["arguments"], today: today) }
      let requests = calls.map { #"{"target":"\#($0.target)","request":\#(String(decoding: $0.body, as: UTF8.self))}"# }
      return #"{"pause":\#(Int(step.pause / .milliseconds(1))),"width":\#(step.width),"calls":[\#(requests.joined(separator: ","))]}"#
    }
    return #"{"kind":"\#(kind.rawValue)","caller":\#(caller),"start":\#(Int(start / .milliseconds(1))),"steps":[\#(steps.joined(separator: ","))]}"#
  }
}

/// A week of a team: its visits in the order in which they begin.
struct Trace: Sendable {
  let start: CivilDate
  let callers: [Caller]
  let visits: [Visit]

  var callCount: Int { visits.reduce(0) { $0 + $1.callCount } }

  /// What it is made of, for people.
  var composition: String {
    var lines = ["| what | visits | calls | calls in a visit |", "|---|---:|---:|---:|"]
    for kind in Visit.Kind.allCases {
      let visits = visits.filter { $0.kind == kind }
      let counts = visits.map(\.callCount)
      guard let least = counts.min(), let most = counts.max() else { continue }
      lines.append("| \(kind.rawValue) | \(visits.count) | \(counts.reduce(0, +)) | \(least)–\(most) |")
    }
    var distinct: Set<[UInt8]> = []
    for call in visits.lazy.flatMap(\.steps).flatMap(\.calls) { distinct.insert(call.params.bytes) }
    lines.append("| together | \(visits.count) | \(callCount) | |")
    lines.append("")
    lines.append("\(callers.count) callers in \(Set(callers.map(\.tenant)).count) tenants; \(distinct.count) different texts of calls.")
    return lines.joined(separator: "\n")
  }
}
