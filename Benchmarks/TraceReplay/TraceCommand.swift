import Glibc
import WeirBilling
import WeirCore

/// `weir-trace --emulator PORT [--seed N] [--start YYYY-MM-DD] [--modes a,b] [--page-size N] [--merge-rows N] [--log FILE] [--calls FILE]`:
/// `--page-size` is how many rows a page of Cost Explorer holds, `--merge-rows` what Weir takes for the most that a merged request may ask for,
/// `--log` a file that gets a line for each request that was answered, `--calls` one that gets a line for each visit, with the requests that its
/// calls are.
struct TraceCommand {
  private var port: UInt16 = 0
  private var seed: UInt64 = 1
  private var start = CivilDate(year: 2026, month: 11, day: 16)
  private var modes = Mode.allCases
  private var log: Int32?
  private var calls: Int32?
  private var limits = MergeLimits()
  private var pageSize: Int?

  init(_ arguments: [String]) throws(TraceError) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else { throw TraceError("\(option) needs a value.") }
      switch option {
      case "--emulator":
        guard let number = UInt16(value) else { throw TraceError("--emulator takes the port on which the emulator listens.") }
        port = number
      case "--seed":
        guard let number = UInt64(value) else { throw TraceError("--seed takes a number.") }
        seed = number
      case "--start":
        guard let day = CivilDate(value.utf8) else { throw TraceError("--start takes a day, YYYY-MM-DD.") }
        start = day
      case "--modes":
        modes = try value.split(separator: ",").map { word throws(TraceError) in
          guard let mode = Mode(rawValue: String(word)) else {
            throw TraceError("--modes takes some of \(Mode.allCases.map(\.rawValue).joined(separator: ",")).")
          }
          return mode
        }
      case "--merge-rows":
        guard let rows = Int(value), rows > 0 else { throw TraceError("--merge-rows takes a number.") }
        limits.rows = rows
      case "--page-size":
        guard let rows = Int(value), rows > 0 else { throw TraceError("--page-size takes a number.") }
        pageSize = rows
      case "--log": log = try Self.file(value)
      case "--calls": calls = try Self.file(value)
      default: throw TraceError("There is no option \(option).")
      }
    }
    if port == 0 { throw TraceError("--emulator is missing; Benchmarks/trace starts one.") }
  }

  func run() throws {
    let knowledge = Knowledge(port: port, pageSize: pageSize)
    let trace = TraceGenerator.week(of: try Company(knowledge, on: start), start: start, seed: seed)
    Self.show("A week from \(start.text), seed \(seed)\(pageSize.map { ", pages of \($0) rows" } ?? ""):\n\n\(trace.composition)\n")
    if let calls { for visit in trace.visits { Self.write(visit.json(on: start), to: calls) } }
    Self.show(Report.head)
    var measured: [Mode: Replay.Measurement] = [:]
    var replay = Replay(trace: trace, knowledge: knowledge, seed: seed, limits: limits)
    if let log {
      replay.log = { mode, time, call, isPaged in
        let body = String(decoding: call.body, as: UTF8.self)
        Self.write(
          #"{"mode":"\#(mode.rawValue)","at":\#(time.milliseconds),"paged":\#(isPaged),"target":"\#(call.target)","request":\#(body)}"#, to: log)
      }
    }
    for mode in modes {
      let began = SystemTime()
      let measurement = try replay.run(mode)
      measured[mode] = measurement
      Self.show(Report.row(mode, measurement, base: measured[.direct]))
      Self.note("\(Report.details(mode, measurement)) (\(Report.seconds(began.now() - .zero)) to replay)")
    }
    Self.show(Report.aims(measured))
  }

  private static func file(_ path: String) throws(TraceError) -> Int32 {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw TraceError("\(path) cannot be written.") }
    return file
  }

  /// A part of the result, on the standard output, at once.
  private static func show(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// What is not part of it.
  static func note(_ text: String) { write(text, to: STDERR_FILENO) }

  private static func write(_ text: String, to file: Int32) {
    var bytes = Array((text + "\n").utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
