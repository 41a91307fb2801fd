/// What a replica asks of Redis about purges, and tells it.
package struct PurgeQuestion: Sendable {
  /// Redis' clock as this replica knows it: it does not go back.
  package var clock: Int64
  /// Marks that are later than this are told; 0: all.
  package var since: Int64
  /// The one that this replica knows; 0 for none.
  package var epoch: Int64
  /// Purges that Redis has not confirmed yet, each with its number at this replica.
  package var pending: [(scope: PurgeScope, purge: UInt64)] = []
  /// Marks that Redis has lost.
  package var restored: [(scope: PurgeScope, time: Int64)] = []

  var isWhole: Bool { since == 0 }
}

/// What Redis says.
package struct PurgeAnswer: Sendable {
  /// Its clock, which does not go back for whoever asks; the time of the marks that were pending.
  package var clock: Int64
  /// Another one where marks may have been lost, or have come with an old time.
  package var epoch: Int64
  /// Marks that are later than was asked for, those excepted that came with the question.
  package var marks: [(scope: PurgeScope, time: Int64)]

  package init(clock: Int64, epoch: Int64, marks: [(scope: PurgeScope, time: Int64)]) {
    self.clock = clock
    self.epoch = epoch
    self.marks = marks
  }
}
