import ArgumentParser
import WeirApp
import WeirUpstream

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// The guard of a child process blocks signals, which concerns every thread: it has to run before there is a second one.
#if os(Linux)
  if CommandLine.arguments.dropFirst().first == "guard" {
    exit(ProcessGuard.run(arguments: Array(CommandLine.arguments.dropFirst(2))))
  }
#endif

/// Here the asynchronous `main` is meant, which Swift picks in an asynchronous function only.
func start() async { await Weir.main() }

await start()
