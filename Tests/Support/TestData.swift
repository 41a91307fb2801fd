internal import Foundation

/// Files that are not part of the repository: `shared/data` beside it, or the folder that the environment variable WEIR_TEST_DATA names.
package enum TestData {
  package static let folder: String? = {
    if let named = ProcessInfo.processInfo.environment["WEIR_TEST_DATA"] { return isFolder(named) ? named : nil }
    var directory = URL(fileURLWithPath: #filePath)
    while directory.path != "/" {
      directory.deleteLastPathComponent()
      let candidate = directory.deletingLastPathComponent().appendingPathComponent("shared/data").path
      if isFolder(candidate) { return candidate }
    }
    return nil
  }()

  package static let absence = "no folder shared/data beside the repository, and WEIR_TEST_DATA names none"

  package static func has(_ name: String) -> Bool { folder.map { isFolder("\($0)/\(name)") } ?? false }

  /// The names of the files in a folder, sorted; empty where it is absent.
  package static func files(in name: String) -> [String] {
    guard let folder, let names = try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)") else { return [] }
    return names.sorted()
  }

  package static func bytes(_ path: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder ?? "")/\(path)")))
  }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
