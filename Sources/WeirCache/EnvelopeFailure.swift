/// Why bytes from the shared store are no answer. Each is counted and then treated as a miss.
package enum EnvelopeFailure: String, Error, Sendable, CaseIterable {
  /// Whole and sound, but the answer to another question.
  case wrongKey = "wrong_key"
  /// No envelope, or one with changed bytes, bytes too many or numbers that make no sense.
  case corrupt
  /// Written by another version of Weir.
  case unknownVersion = "unknown_version"
  /// Its value is compressed in a way that this version does not know.
  case unknownCodec = "unknown_codec"
  /// It ends too early.
  case truncated
  /// Encrypted under none of the keys at hand, or changed since.
  case undecipherable
  /// Not encrypted, where everything has to be.
  case unencrypted
}
