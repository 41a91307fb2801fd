internal import FoundationEssentials

/// Reads a configuration from the file system.
package enum SettingsFile {
  /// - Throws: `SettingsError`, also where the file can't be read.
  package static func read(_ path: String) throws(SettingsError) -> Settings {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw SettingsError(file: path, line: nil, key: "", message: "can't be read: is the path right, and may this user read it?")
    }
    return try SettingsReader.read(text, file: path)
  }
}
