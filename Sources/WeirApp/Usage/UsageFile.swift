internal import WeirCore
package import WeirPipeline

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A usage file can't be read or written: one line with its path, why, and what to do.
package struct UsageFileError: Error, Equatable, CustomStringConvertible {
  package let description: String
}

/// The file that usage survives restarts in. It is replaced as a whole and never half written; what can't be read is never replaced. Several
/// processes may add to one file: each adds what it counted to what is there.
package struct UsageFile: Sendable {
  package let path: String

  /// A link is followed once, now, so that the file it leads to is replaced and not the link.
  package init(path: String) {
    guard let resolved = realpath(path, nil) else {
      self.path = path
      return
    }
    defer { free(resolved) }
    self.path = String(cString: resolved)
  }

  /// All of it; nil where there is no file.
  package func book() throws(UsageFileError) -> UsageBook? {
    guard let bytes = try bytes() else { return nil }
    do {
      return try UsageFormat.book(bytes)
    } catch {
      switch error {
      case .newer(let version):
        throw failure(
          "was written by a newer Weir (format \(version); this one knows \(UsageFormat.version)): use that one, or move the file away to begin anew")
      case .broken(let why):
        throw failure("can't be used: \(why). It is left as it is; put back a copy that works, or move it away to begin anew")
      }
    }
  }

  /// Adds what was counted to what the file holds.
  /// - Parameter known: what it held when it was seen last; taken where it has gone.
  /// - Returns: all that it holds now.
  package func add(_ news: UsageBook, known: UsageBook) throws(UsageFileError) -> UsageBook {
    let lock = try lock()
    defer { close(lock) }
    var book = try self.book() ?? known
    book.add(news)
    try replace(with: UsageFormat.file(book))
    return book
  }

  // MARK: The file system

  /// Held by one process at a time while it reads, adds and replaces; it goes with its descriptor, however the process ends. A file of its own,
  /// since the usage file is another one after every replacement.
  private func lock() throws(UsageFileError) -> Int32 {
    let lock = open("\(path).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw failure("can't be locked (\(path).lock: \(Self.reason(errno)))" + Self.advice) }
    for _ in 0..<250 {
      if flock(lock, LOCK_EX | LOCK_NB) == 0 { return lock }
      let error = errno
      guard error == EWOULDBLOCK || error == EINTR else {
        close(lock)
        throw failure("can't be locked (\(path).lock: \(Self.reason(error))); give a path on a disk of this machine")
      }
      usleep(20_000)
    }
    close(lock)
    throw failure("stays locked by another process (\(path).lock); end the one that hangs, or give this one a file of its own")
  }

  private func bytes() throws(UsageFileError) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0, errno == ENOENT { return nil }
    guard file >= 0 else { throw failure("can't be read (\(Self.reason(errno))): may this user read it?") }
    defer { close(file) }
    var bytes: [UInt8] = []
    let piece = 1 << 16
    while bytes.count <= UsageFormat.maxBytes {
      let before = bytes.count
      bytes.append(contentsOf: repeatElement(0, count: piece))
      let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress?.advanced(by: before), piece) }
      let error = errno
      bytes.removeLast(piece - max(0, count))
      if count == 0 { return bytes }
      guard count > 0 || error == EINTR else { throw failure("can't be read (\(Self.reason(error)))") }
    }
    throw failure("is longer than \(UsageFormat.maxBytes >> 20) MiB, so it is none of Weir's; give another path")
  }

  /// Writes beside it, makes sure that it is on the disk, and renames: a reader sees the old file or the new one.
  private func replace(with bytes: [UInt8]) throws(UsageFileError) {
    let draft = "\(path).new"
    let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("can't be written (\(draft): \(Self.reason(errno)))" + Self.advice) }
    var status = stat()
    if stat(path, &status) == 0 { _ = fchmod(file, status.st_mode & 0o777) }
    var failed = Self.writeAll(bytes, to: file) && fsync(file) == 0 ? nil : errno
    if close(file) != 0, failed == nil { failed = errno }
    if failed == nil, rename(draft, path) != 0 { failed = errno }
    if let failed {
      unlink(draft)
      throw failure("can't be written (\(Self.reason(failed)))" + Self.advice)
    }
    syncFolder()
  }

  /// So that the new name outlives a power failure too. Not every file system can, and the file itself is whole either way.
  private func syncFolder() {
    let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
    let folder = open(parent, O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    _ = fsync(folder)
    close(folder)
  }

  private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }

  private static let advice = "; give a path in a folder that this user may write to, and not a single file that is mounted by itself"

  private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }

  private func failure(_ what: String) -> UsageFileError { UsageFileError(description: "the usage file \(path) \(what)") }
}
