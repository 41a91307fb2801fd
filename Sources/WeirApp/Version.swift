/// The version that `weir version`, `serverInfo` and `clientInfo` name. CHANGELOG.md says what each one brought.
package enum Version {
  package static let current = "0.1.0"
}
