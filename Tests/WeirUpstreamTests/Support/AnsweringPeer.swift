import NIOConcurrencyHelpers
import WeirCore

/// A client that keeps what it hears, and answers every question with the method that it was asked.
final class AnsweringPeer: ClientPeer {
  private let notes = NIOLockedValueBox<[String]>([])

  var heard: [String] { notes.withLockedValue { $0 } }

  func notify(_ method: String, _ params: [UInt8]?) { notes.withLockedValue { $0.append(method) } }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    notes.withLockedValue { $0.append(method) }
    return Array(#"{"asked":"\#(method)"}"#.utf8)
  }
}
