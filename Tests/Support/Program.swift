internal import Subprocess

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A program that tests run to its end. None of the threads that tasks share waits for it: with two such waits, or one on a machine with one
/// core, every other test would stand still, and with it what the program may be waiting for. It has nothing to read, and inherits no
/// descriptor: the end of a pipe that a server takes along keeps its reader waiting for as long as the server lives.
package struct Program: Sendable {
  package struct Outcome: Sendable {
    /// Whether it ended by itself and with status 0.
    package let isSuccess: Bool
    package let output: String
    package let errors: String
    fileprivate let status: String
  }

  /// What went wrong: the command, and what is known of its end.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private static let mostOutput = 16 << 20

  package let name: String

  /// nil where no such program is on PATH.
  package init?(_ name: String) {
    guard let path = getenv("PATH").map({ String(cString: $0) }) else { return nil }
    guard path.split(separator: ":").contains(where: { access("\($0)/\(name)", X_OK) == 0 }) else { return nil }
    self.name = name
  }

  /// What it printed on its standard output.
  /// - Throws: `Failure` where it failed, or took longer than the limit and was killed; `SubprocessError` where it cannot be started.
  package func run(_ arguments: [String], within limit: Duration = .seconds(60)) async throws -> String {
    let outcome = try await outcome(arguments, within: limit)
    guard outcome.isSuccess else {
      throw Failure(
        description: "\(command(arguments)) ended with \(outcome.status): \(outcome.errors.split(whereSeparator: \.isNewline).last ?? "")")
    }
    return outcome.output
  }

  /// As `run`, for a program that may fail.
  package func outcome(_ arguments: [String], within limit: Duration = .seconds(60)) async throws -> Outcome {
    try await withThrowingTaskGroup(of: Outcome?.self) { group in
      group.addTask {
        let result = try await Subprocess.run(
          .name(name), arguments: Arguments(arguments), input: .none, output: .string(limit: Self.mostOutput), error: .string(limit: Self.mostOutput))
        return Outcome(
          isSuccess: result.terminationStatus.isSuccess, output: result.standardOutput, errors: result.standardError,
          status: "\(result.terminationStatus)")
      }
      group.addTask {
        try await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      guard let outcome = try await group.next() ?? nil else {
        throw Failure(description: "\(command(arguments)) was still running after \(limit) and was killed")
      }
      return outcome
    }
  }

  private func command(_ arguments: [String]) -> String { ([name] + arguments).joined(separator: " ") }
}
