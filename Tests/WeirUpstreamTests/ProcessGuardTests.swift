import Glibc
import Subprocess
import Testing

@testable import WeirUpstream

extension RealProcesses {
  @Suite("Nothing of a command outlives Weir", .enabled(if: Processes.guardCommand != nil, "the executable that runs the guard is not built"))
  struct ProcessGuardTests {
    /// A stand-in for Weir: starts a guard as Weir does, says its number, and waits to be killed. Its command is a tree: a child that ignores
    /// SIGTERM, one in a session of its own, and one that a dead parent has left behind.
    private static let parent = #"""
      import subprocess, sys, time
      tree = "trap '' TERM; python3 -c 'import time, signal; signal.signal(15, 1); time.sleep(1000)' & setsid sleep 1001 & (setsid sleep 1002 &) ; sleep 1003"
      guard = subprocess.Popen(sys.argv[1:] + ["--grace-ms", "2000", "--", "sh", "-c", tree], stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
      print(guard.pid, flush=True)
      time.sleep(1000)
      """#

    @Test("when Weir is killed with SIGKILL, the whole tree is gone within 3 s")
    func killed() async throws {
      let arguments = ["-c", Self.parent] + (Processes.guardCommand ?? [])
      var tree: [Int32] = []
      let seen = try await run(.name("python3"), arguments: Arguments(arguments), input: .none, output: .sequence, error: .discarded) { parent in
        var found: [Int32] = []
        for try await line in parent.standardOutput.strings() {
          let guardID = try #require(Int32(line.split(separator: "\n").first ?? ""))
          while found.count < 5 {
            found = ProcessTree.descendants(of: guardID)
            try await Task.sleep(for: .milliseconds(10))
          }
          found.append(guardID)
          break
        }
        try parent.send(signal: .kill)
        return found
      }
      tree = seen.closureResult
      #expect(tree.count >= 6)
      #expect(await Processes.areGone(tree, within: 3))
    }

    @Test(
      "the guard's status is that of its command",
      arguments: [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["no-such-command"], 127), (["sh", "-c", "kill -9 $$"], 137)] as [([String], Int32)])
    func status(command: [String], expected: Int32) async throws {
      let result = try await Self.guarded(["--"] + command)
      #expect(result.terminationStatus == .exited(expected))
    }

    @Test("wrong arguments are refused")
    func usage() async throws {
      let result = try await Self.guarded(["true"])
      #expect(result.terminationStatus == .exited(64))
    }

    @Test("what the command leaves running is ended with it")
    func leftovers() async throws {
      let result = try await Self.guarded(["--", "sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"])
      let orphan = try #require(Int32(result.standardOutput.split(separator: "\n").first ?? ""))
      #expect(!Processes.isAlive(orphan))
      #expect(result.terminationStatus == .exited(0))
    }

    private static func guarded(_ arguments: [String]) async throws -> ExecutionResult<Void, StringOutput<UTF8>, DiscardedOutput> {
      let command = Processes.guardCommand ?? []
      let words = command + arguments
      return try await run(.name("env"), arguments: Arguments(words), output: .string(limit: 4096), error: .discarded)
    }
  }
}
