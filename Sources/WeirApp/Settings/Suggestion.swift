/// Finds what a reader probably meant.
enum Suggestion {
  /// The candidate with the fewest edits away from `word`, if that is near enough to be a slip of the finger.
  static func nearest(to word: String, among candidates: [String]) -> String? {
    let ranked = candidates.map { (candidate: $0, distance: distance(Array(word.utf8), Array($0.utf8))) }.sorted { $0.distance < $1.distance }
    guard let best = ranked.first, best.distance <= max(1, word.utf8.count / 3) else { return nil }
    return best.candidate
  }

  /// The number of insertions, deletions and replacements between two words (Levenshtein).
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let replaced = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
