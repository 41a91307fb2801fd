/// What has happened between the two caches since the start.
package struct SharedTally: Sendable, Equatable {
  /// Reads that gave an answer, none, or no word at all.
  package var found = 0
  package var missing = 0
  package var unavailable = 0
  /// Reads that gave bytes which are no answer to the question, by reason. Counted as missing too.
  package var failures = ReasonCounts<EnvelopeFailure>()
  /// Sound envelopes whose value this version cannot read. Counted as missing too.
  package var undecodable = 0
  /// Sound entries whose scopes were purged since their fetch began. Counted as missing too.
  package var purged = 0
  /// Writes and removals that the store confirmed, and those it did not.
  package var written = 0
  package var unwritten = 0
  /// Answers that were too large to be written.
  package var tooLarge = 0
  package var removed = 0
  package var unremoved = 0

  package init() {}
}
