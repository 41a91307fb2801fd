import Glibc

/// The number of threads of this process (proc(5), `/proc/self/task`).
func threads() throws -> Int {
  guard let directory = opendir("/proc/self/task") else { throw Errno(code: errno) }
  defer { closedir(directory) }
  var count = 0
  while readdir(directory) != nil { count += 1 }
  return count - 2
}

struct Errno: Error {
  let code: CInt
}
