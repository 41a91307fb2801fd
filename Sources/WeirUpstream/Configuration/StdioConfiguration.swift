package import WeirCore

/// An upstream that is a command: how its processes are started, limited and ended.
package struct StdioConfiguration: Sendable {
  /// The program, looked up in `PATH` unless it is an absolute path, and its arguments.
  package var command: [String]
  /// Variables added to the inherited ones (`LaunchEnvironment.inherited`), or replacing them.
  package var environment: [String: Secret] = [:]
  /// How many processes share the calls.
  package var processes = 1
  /// The command that runs `ProcessGuard`, such as `["/usr/bin/weir", "guard"]`; `--grace-ms N -- command…` is appended. Without it the
  /// command is started directly, and a killed Weir leaves it to the command to end at the end of its standard input.
  package var guardCommand: [String]?
  /// A longer line on standard output fails the process.
  package var maxLineBytes = 16 * 1024 * 1024
  /// More bytes than this waiting for a process that does not read fail the process.
  package var maxQueuedBytes = 64 * 1024 * 1024
  /// How long a process may take to end after its standard input was closed, and again after SIGTERM.
  package var stopGrace: Duration = .seconds(2)
  /// The waits before a process that ended is started again, doubled each time, with jitter.
  package var restartDelays: ClosedRange<Duration> = .milliseconds(100) ... .seconds(30)
  /// A process that was ready for so long has its restart delay start over.
  package var healthyAfter: Duration = .seconds(60)
  /// Lines of standard error that reach the log in a second; what exceeds it is counted.
  package var maxErrorLinesPerSecond = 50

  /// Knows the secrets that the command is given.
  package var redactor: Redactor { Redactor(environment: environment) }

  package init(command: [String]) {
    self.command = command
  }
}
