#if os(Linux)
  #if canImport(Glibc)
    import Glibc
  #else
    import Musl
  #endif

  /// Processes by their parents, read from `/proc`.
  enum ProcessTree {
    /// Every living process that descends from `ancestor`; zombies do not count.
    static func descendants(of ancestor: pid_t) -> [pid_t] {
      var children: [pid_t: [pid_t]] = [:]
      for process in all() where process.isAlive { children[process.parent, default: []].append(process.id) }
      var found: [pid_t] = []
      var queue = [ancestor]
      while let next = queue.popLast() {
        let own = children[next] ?? []
        found.append(contentsOf: own)
        queue.append(contentsOf: own)
      }
      return found
    }

    /// Sends a signal to every descendant. A SIGKILL goes round again until none is left that was not there before: who forks is caught.
    static func signal(_ signal: Int32, descendantsOf ancestor: pid_t) {
      var known: Set<pid_t> = []
      for _ in 0..<(signal == SIGKILL ? 10 : 1) {
        let fresh = descendants(of: ancestor).filter { known.insert($0).inserted }
        if fresh.isEmpty { return }
        for id in fresh { kill(id, signal) }
      }
    }

    private struct Process {
      let id: pid_t
      let parent: pid_t
      let isAlive: Bool
    }

    private static func all() -> [Process] {
      guard let directory = opendir("/proc") else { return [] }
      defer { closedir(directory) }
      var found: [Process] = []
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard let id = pid_t(name), let process = process(id) else { continue }
        found.append(process)
      }
      return found
    }

    /// `/proc/<id>/stat`: "id (name) state parent …", where the name may hold anything (proc(5)).
    private static func process(_ id: pid_t) -> Process? {
      let descriptor = open("/proc/\(id)/stat", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var buffer = [UInt8](repeating: 0, count: 1024)
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0, let end = buffer[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
      let fields = buffer[(end + 1)..<count].split(separator: UInt8(ascii: " "), maxSplits: 3)
      guard fields.count >= 2, let parent = pid_t(String(decoding: fields[1], as: UTF8.self)) else { return nil }
      let state = fields[0].first
      return Process(id: id, parent: parent, isAlive: state != UInt8(ascii: "Z") && state != UInt8(ascii: "X"))
    }
  }
#endif
