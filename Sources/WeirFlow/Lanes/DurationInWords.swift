internal import WeirCore

extension Duration {
  /// For sentences: `12 s`, `5 min`, `3 h`, rounded up, so that whoever waits that long has waited enough.
  var inWords: String {
    let (whole, fraction) = components
    let seconds = max(1, fraction > 0 ? whole.addingSaturating(1) : whole)
    if seconds <= 120 { return "\(seconds) s" }
    if seconds <= 7200 { return "\((seconds - 1) / 60 + 1) min" }
    return "\((seconds - 1) / 3600 + 1) h"
  }
}
