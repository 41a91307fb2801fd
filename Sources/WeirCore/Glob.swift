/// Matching of names with `*`, by bytes, in time proportional to pattern × name.
package enum Glob {
  package static func matches(_ pattern: some Collection<UInt8>, _ text: some Collection<UInt8>) -> Bool {
    let pattern = Array(pattern)
    let text = Array(text)
    var p = 0
    var t = 0
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let (starPattern, starText) = star {
        p = starPattern + 1
        t = starText + 1
        star = (starPattern, t)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
