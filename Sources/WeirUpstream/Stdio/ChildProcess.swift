import Logging
import Subprocess
import WeirCore

/// One run of the command: starts it, moves bytes between it and its session, and ends it.
struct ChildProcess: Sendable {
  private enum Part: Sendable { case output(String?), input(String?), timer }

  let configuration: StdioConfiguration
  let time: any TimeSource
  let logger: Logger
  let onDroppedLines: @Sendable (Int) -> Void

  /// Returns when the process is gone, with one line that says why. Cancelling the task ends the process.
  func run(_ session: ChildSession) async -> String {
    let reason: String
    do {
      let result = try await Subprocess.run(
        executable, arguments: Arguments(arguments), environment: environment, platformOptions: platformOptions,
        input: .inputWriter, output: .sequence, error: .sequence
      ) { execution in
        await serve(execution, session)
      }
      reason = result.closureResult ?? describe(result.terminationStatus)
    } catch let error as SubprocessError {
      reason = describe(error)
    } catch {
      reason = "its process was stopped"
    }
    session.close(reason: reason)
    return reason
  }

  /// Returns why the process was given up; nil where it ended by itself.
  private func serve(
    _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>, _ session: ChildSession
  ) async -> String? {
    session.start()
    let reason = await withTaskGroup(of: Part.self, returning: String?.self) { group in
      group.addTask { .output(await read(execution, session)) }
      group.addTask { .input(await write(execution, session)) }
      group.addTask { await watch(session) }
      group.addTask { await readErrors(execution) }
      while let part = await group.next() {
        switch part {
        case .timer: continue
        // Input that cannot be written is a sign of an ending process, whose output says more.
        case .input(let reason): if reason == nil, !Task.isCancelled { continue }
        case .output: break
        }
        group.cancelAll()
        if case .output(let reason) = part { return reason ?? session.failure }
        return session.failure
      }
      return nil
    }
    try? await execution.standardInputWriter.finish()
    await execution.teardown(using: platformOptions.teardownSequence)
    // The leader is not reaped yet, so the group's number cannot be another's. What is left of it has no reason to run on.
    try? execution.send(signal: .kill, toProcessGroup: true)
    return Task.isCancelled ? "its process was stopped" : reason
  }

  /// Standard output to the session. Returns nil at its end, or why it cannot go on.
  private func read(_ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>, _ session: ChildSession) async -> String? {
    var splitter = LineSplitter(limit: configuration.maxLineBytes)
    do {
      for try await buffer in execution.standardOutput {
        for line in try buffer.withUnsafeBytes({ try splitter.feed($0) }) { session.receive(line) }
      }
      return nil
    } catch let error as LineSplitter.TooLong {
      return "it wrote a line of more than \(error.limit) bytes"
    } catch {
      return nil
    }
  }

  /// The session's messages to standard input. Returns why the session failed, or nil.
  private func write(_ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>, _ session: ChildSession) async -> String? {
    for await message in session.outbox {
      guard let count = try? await execution.standardInputWriter.write(message), count == message.count else { return nil }
      session.written(count)
    }
    return session.failure
  }

  /// Lets the session do what is due, such as give up on an opening that takes too long.
  private func watch(_ session: ChildSession) async -> Part {
    while !Task.isCancelled {
      let due = session.nextTimeout
      // An hour at most, which any clock can count.
      let wake = min(due ?? .distantFuture, time.now() + .seconds(3600))
      let hasMoved = await session.timeoutMoved.wait(time, until: wake) { session.nextTimeout != due }
      if !hasMoved, !Task.isCancelled { session.expire() }
    }
    return .timer
  }

  private func readErrors(_ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>) async -> Part {
    var output = ErrorOutput(
      redactor: configuration.redactor, linesPerSecond: configuration.maxErrorLinesPerSecond, logger: logger)
    do {
      for try await buffer in execution.standardError {
        let before = output.totalDropped
        buffer.withUnsafeBytes { output.feed($0, now: time.now()) }
        if output.totalDropped > before { onDroppedLines(output.totalDropped - before) }
      }
    } catch {
      // The stream ends with the process, however it ends.
    }
    output.finish(now: time.now())
    return .timer
  }

  // MARK: How it is started

  private var words: [String] {
    guard let guardCommand = configuration.guardCommand else { return configuration.command }
    return guardCommand + ["--grace-ms", String(configuration.stopGrace.saturatedMilliseconds), "--"] + configuration.command
  }

  private var executable: Executable {
    let program = words.first ?? ""
    return program.utf8.contains(UInt8(ascii: "/")) ? .path(Self.literal(program)) : .name(program)
  }

  /// A value of a type that this target does not import: `FilePath` belongs to a package that swift-subprocess brings along.
  private static func literal<Value: ExpressibleByStringLiteral>(_ text: Value.StringLiteralType) -> Value { Value(stringLiteral: text) }

  private var arguments: [String] { Array(words.dropFirst()) }

  private var environment: Environment {
    .custom(LaunchEnvironment.variables(adding: configuration.environment).map { Array("\($0.key)=\($0.value)".utf8) + [0] })
  }

  /// A process group of its own, and an end in three steps: closed input, SIGTERM, SIGKILL (MCP, stdio, shutdown). Signal 0 only waits. A guard
  /// gets a second more, because it goes through the same steps with the command.
  private var platformOptions: PlatformOptions {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [
      .send(signal: Signal(rawValue: 0), allowedDurationToNextStep: configuration.stopGrace),
      .send(
        signal: .terminate, toProcessGroup: true,
        allowedDurationToNextStep: configuration.stopGrace + (configuration.guardCommand == nil ? .zero : .seconds(1))),
    ]
    return options
  }

  // MARK: What is said of its end

  private func describe(_ status: TerminationStatus) -> String {
    switch status {
    case .exited(127) where configuration.guardCommand != nil: "its command \(program) could not be started; is it installed and on PATH?"
    case .exited(let code): "its process exited with status \(code)"
    case .signaled(let signal): "its process was ended by signal \(signal)"
    }
  }

  /// The library's own texts may hold arguments and variables, so only the code is told.
  private func describe(_ error: SubprocessError) -> String {
    error.code == .executableNotFound
      ? "its command \(program) was not found; is it installed and on PATH?" : "its command \(program) could not be started (\(error.code))"
  }

  private var program: String {
    let name = configuration.command.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "(none)"
    return ErrorText.clean(name, limit: 60)
  }
}
