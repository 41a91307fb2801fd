extension JSONValue {
  /// The canonical text: equal for two values exactly when they are equal as JSON data.
  ///
  /// Members stand in the order of RFC 8785 §3.2.3 (UTF-16 code units of the unescaped names), strings with the fewest and shortest escapes
  /// (§3.2.2.2), no whitespace. Numbers are written in the layout of §3.2.2.3 but with every digit of their exact decimal value: `1`, `1.0` and
  /// `10e-1` are `1`, and 9007199254740993 stays apart from 9007199254740992, which RFC 8785 would make one. Strings are not normalised.
  ///
  /// `names` are members of this object that are left out, compared by bytes; members deeper inside are not. Throws `numberOutOfRange` for a number
  /// whose exponent is beyond 10¹⁵.
  package func canonical(omitting names: Set<String> = []) throws(JSONError) -> [UInt8] {
    let storage = storage
    let index = index
    let omitted = names.map { Array($0.utf8) }
    return try storage.bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) -> [UInt8] in
      var canonicalizer = JSONCanonicalizer(storage: storage, bytes: bytes)
      canonicalizer.result.reserveCapacity(storage.tape[index].range.count)
      try canonicalizer.append(index, omitting: omitted)
      return canonicalizer.result
    }
  }
}
