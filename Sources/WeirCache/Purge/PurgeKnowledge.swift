/// What is known of purges made elsewhere.
enum PurgeKnowledge {
  /// Enough to use what the shared store has.
  case current
  /// Nothing yet, since this process was too busy to ask or to hear.
  case late
  /// Too little: the store did not say.
  case outdated
}
