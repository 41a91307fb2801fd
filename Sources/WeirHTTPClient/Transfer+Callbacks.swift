import CCurl

/// The C side of a transfer. libcurl calls these under the driver's lock only, between `curl_multi_add_handle` and `curl_multi_remove_handle`,
/// while the driver's retained reference keeps the transfer alive.
extension Transfer {
  func installCallbacks() throws(HTTPClientError) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    try easy.set(CURLOPT_PRIVATE, context)
    try easy.set(CURLOPT_HEADERFUNCTION, Self.onHeader)
    try easy.set(CURLOPT_HEADERDATA, context)
    try easy.set(CURLOPT_WRITEFUNCTION, Self.onWrite)
    try easy.set(CURLOPT_WRITEDATA, context)
    try easy.setPrerequest(Self.onPrerequest)
    try easy.set(CURLOPT_PREREQDATA, context)
  }

  /// Anything but the count given ends the transfer; so does an error on an empty piece.
  private static let refusal = -1

  private static let onHeader: curl_write_callback = { bytes, size, count, context in
    guard let transfer = Transfer.from(context) else { return refusal }
    return transfer.receive(headerLine: Transfer.buffer(bytes, size * count)) ? size * count : refusal
  }

  private static let onWrite: curl_write_callback = { bytes, size, count, context in
    guard let transfer = Transfer.from(context) else { return refusal }
    guard size * count > 0 else { return 0 }
    switch transfer.receive(piece: Transfer.buffer(bytes, size * count)) {
    case .taken: return size * count
    case .pause: return Int(CURL_WRITEFUNC_PAUSE)
    case .gone: return refusal
    }
  }

  private static let onPrerequest: curl_prereq_callback = { context, _, _, _, _ in
    guard let transfer = Transfer.from(context), transfer.mayStartSending() else { return CInt(CURL_PREREQFUNC_ABORT) }
    return CInt(CURL_PREREQFUNC_OK)
  }

  /// The transfer that a pointer of libcurl's stands for.
  static func from(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func buffer(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    let raw = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count)
    return raw.bindMemory(to: UInt8.self)
  }
}
