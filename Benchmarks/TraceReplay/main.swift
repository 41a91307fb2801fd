import Glibc
import WeirCore

// Replays a seeded week of a FinOps team in virtual time, once for each mode, and prints a table. Started by `Benchmarks/trace`.

do {
  try TraceCommand(Array(CommandLine.arguments.dropFirst())).run()
} catch {
  TraceCommand.note("weir-trace: \(error)")
  exit(1)
}
