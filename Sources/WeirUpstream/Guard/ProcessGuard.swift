#if os(Linux)
  #if canImport(Glibc)
    import Glibc
  #else
    import Musl
  #endif

  /// Runs a command so that nothing of it outlives Weir: `guard [--grace-ms N] -- command arguments…`.
  ///
  /// Weir starts it as the leader of a process group, with the read end of a pipe as its standard input whose only write end Weir holds. The
  /// command inherits all three standard streams untouched, so no byte is copied. The kernel closes the write end however Weir ends, and tells
  /// the guard by a hang-up of its standard input, though the command reads from the same pipe. Orphans among the command's descendants
  /// become children of the guard (`PR_SET_CHILD_SUBREAPER`), also those that left the process group, so it can end and reap every one.
  package enum ProcessGuard {
    /// Returns when the command and all its descendants are gone, with the status that the process should exit with: the command's own, 128 and
    /// the signal that ended it, 127 where it could not be started, 64 for wrong arguments. Call it on the main thread, before there are others.
    package static func run(arguments: [String]) -> Int32 {
      guard let order = GuardOrder(arguments) else {
        complain("usage: guard [--grace-ms N] -- command [argument…]")
        return 64
      }
      becomeSubreaper()
      var signals = blockSignals()
      let parent = getppid()
      guard let child = start(order.command) else { return 127 }
      releaseOutput()
      guard watchStandardInput() else { return 71 }
      return supervise(child, order, parent, &signals)
    }

    private static func supervise(_ child: pid_t, _ order: GuardOrder, _ parent: pid_t, _ signals: inout sigset_t) -> Int32 {
      var escalation = GuardEscalation(grace: order.graceMilliseconds)
      var status: Int32?
      while true {
        if status == nil, let ended = reap(child) {
          status = ended
          escalation.commandEnded()
        }
        if status != nil, ProcessTree.descendants(of: getpid()).isEmpty { return status ?? 0 }
        if let order = escalation.takeOrder() { ProcessTree.signal(order.rawValue, descendantsOf: getpid()) }
        let pause = escalation.wait
        var wait = timespec(milliseconds: pause)
        let signal = pause < 0 ? sigwaitinfo(&signals, nil) : sigtimedwait(&signals, nil, &wait)
        switch signal {
        case SIGUSR1: escalation.inputClosed()
        case SIGTERM, SIGINT, SIGHUP: escalation.askedToEnd()
        case SIGCHLD: break
        default: if signal >= 0 || errno != EINTR { escalation.elapsed(pause) }
        }
        // The kernel closes the pipe of a killed parent a moment before it gives its children away.
        if pause >= 0, getppid() != parent { escalation.hurry() }
      }
    }

    /// Orphaned descendants become this process's children. `prctl` is variadic and so not imported; all its arguments are of register size.
    private static func becomeSubreaper() {
      typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
      guard let symbol = dlsym(nil, "prctl") else { return }
      let setChildSubreaper: Int32 = 36
      _ = unsafeBitCast(symbol, to: Prctl.self)(setChildSubreaper, 1, 0, 0, 0)
    }

    private static func blockSignals() -> sigset_t {
      var signals = sigset_t()
      sigemptyset(&signals)
      for signal in [SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&signals, signal) }
      pthread_sigmask(SIG_BLOCK, &signals, nil)
      return signals
    }

    /// The command, in this process's group and with its streams, and with no signal blocked or ignored.
    private static func start(_ command: [String]) -> pid_t? {
      var attributes = posix_spawnattr_t()
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      var none = sigset_t()
      var all = sigset_t()
      sigemptyset(&none)
      sigfillset(&all)
      sigdelset(&all, SIGKILL)
      sigdelset(&all, SIGSTOP)
      posix_spawnattr_setsigmask(&attributes, &none)
      posix_spawnattr_setsigdefault(&attributes, &all)
      posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
      var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
      defer { for word in words { free(word) } }
      words.append(nil)
      var child: pid_t = 0
      let failure = posix_spawnp(&child, command[0], nil, &attributes, words, environ)
      guard failure == 0 else {
        complain("cannot start the command: \(String(cString: strerror(failure)))")
        return nil
      }
      return child
    }

    /// Keeps the command's output from staying open through the guard once the command has closed it.
    private static func releaseOutput() {
      let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
      guard null >= 0 else { return }
      dup2(null, 1)
      dup2(null, 2)
      close(null)
    }

    /// Turns the hang-up of standard input into SIGUSR1. `poll` without events reports a hang-up and nothing else, and takes no byte away.
    private static func watchStandardInput() -> Bool {
      var thread = pthread_t()
      return pthread_create(
        &thread, nil,
        { _ in
          var input = pollfd(fd: 0, events: 0, revents: 0)
          while poll(&input, 1, -1) <= 0 {}
          kill(getpid(), SIGUSR1)
          return nil
        }, nil) == 0
    }

    /// The exit status of the command if it has ended. Other children, adopted orphans, are reaped on the way.
    private static func reap(_ child: pid_t) -> Int32? {
      var ended: Int32?
      while true {
        var status: Int32 = 0
        let pid = waitpid(-1, &status, WNOHANG)
        if pid <= 0 { return ended }
        guard pid == child else { continue }
        let signal = status & 0x7F
        ended = signal == 0 ? (status >> 8) & 0xFF : 128 + signal
      }
    }

    private static func complain(_ line: String) {
      let bytes = Array("guard: \(line)\n".utf8)
      _ = write(2, bytes, bytes.count)
    }
  }

  extension timespec {
    fileprivate init(milliseconds: Int) {
      self.init(tv_sec: max(0, milliseconds) / 1000, tv_nsec: (max(0, milliseconds) % 1000) * 1_000_000)
    }
  }
#endif
