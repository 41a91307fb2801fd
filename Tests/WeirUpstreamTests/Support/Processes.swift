import Glibc

@testable import WeirUpstream

/// Facts about processes and descriptors, from `/proc`.
enum Processes {
  /// Whether a process runs; a zombie does not.
  static func isAlive(_ id: Int32) -> Bool {
    let fields = FakeServer.contents("/proc/\(id)/stat").split(separator: ")").last?.split(separator: " ")
    guard let state = fields?.first else { return false }
    return state != "Z" && state != "X"
  }

  /// Waits until none of the processes runs; false where one still does after `seconds`.
  static func areGone(_ ids: [Int32], within seconds: Double) async -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while ids.contains(where: isAlive) {
      if ContinuousClock.now > end { return false }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return true
  }

  /// The descendants of this process whose command line names `script`.
  static func children(running script: String) -> [Int32] {
    ProcessTree.descendants(of: getpid()).filter { FakeServer.contents("/proc/\($0)/cmdline").contains(script) }
  }

  /// The pipes and process descriptors that this process holds.
  static var pipes: Int {
    guard let directory = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard let target = link("/proc/self/fd/\(name)") else { continue }
      if target.hasPrefix("pipe:") || target.contains("pidfd") { count += 1 }
    }
    return count
  }

  /// The command that runs `ProcessGuard`: an executable built beside this test.
  static let guardCommand: [String]? = {
    guard let executable = link("/proc/self/exe") else { return nil }
    let folder = executable.split(separator: "/").dropLast().joined(separator: "/")
    for command in [["/\(folder)/guardtool"], ["/\(folder)/weir", "guard"]] where access(command[0], X_OK) == 0 { return command }
    return nil
  }()

  private static func link(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { space in
      space.assumingMemoryBound(to: CChar.self).baseAddress.map { readlink(path, $0, space.count) } ?? -1
    }
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}
