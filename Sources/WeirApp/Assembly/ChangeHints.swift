internal import NIOConcurrencyHelpers
internal import WeirCore

/// What upstreams announce to one replica, told to the others: a server may say it in one session only, or to those who subscribed. A hint to look,
/// or to pass on what a client waits for; it may come twice or never.
final class ChangeHints: Sendable {
  private enum Hint: Sendable {
    /// Lists of an upstream are others.
    case lists(Name, atOnce: Bool)
    /// A resource was updated.
    case resource(Name, Name, at: Moment)
  }

  private struct Resource: Hashable {
    let upstream: Name
    let uri: Name
  }

  private struct Readers: Sendable {
    var onLists: @Sendable (_ upstream: Name, _ atOnce: Bool) -> Void = { _, _ in }
    var onResource: @Sendable (_ upstream: Name, _ uri: Name) -> Void = { _, _ in }
  }

  /// How long a replica that is subscribed itself may take to hear the same.
  private static let patience: Duration = .milliseconds(500)
  /// For how long what it heard itself makes a hint needless.
  private static let memory: Duration = .seconds(2)
  private static let announced = UInt8(ascii: "a")
  private static let listed = UInt8(ascii: "l")
  private static let updated = UInt8(ascii: "r")
  private static let most = 4096
  private static let longestURI = 2048

  private let replica: [UInt8]
  private let tell: @Sendable ([UInt8]) -> Void
  private let time: any TimeSource
  private let readers = NIOLockedValueBox(Readers())
  private let heard = NIOLockedValueBox<[Resource: Moment]>([:])
  private let hints: AsyncStream<Hint>
  private let queue: AsyncStream<Hint>.Continuation

  /// - Parameters:
  ///   - replica: this one's name: what it told itself is no news to it.
  ///   - tell: tells every replica; must not block.
  init(replica: [UInt8], time: any TimeSource, tell: @escaping @Sendable ([UInt8]) -> Void) {
    self.replica = replica
    self.tell = tell
    self.time = time
    (hints, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
  }

  /// To be said before `run`. Neither may block.
  func connect(onLists: @escaping @Sendable (_ upstream: Name, _ atOnce: Bool) -> Void, onResource: @escaping @Sendable (Name, Name) -> Void) {
    readers.withLockedValue { $0 = Readers(onLists: onLists, onResource: onResource) }
  }

  /// An upstream said to this replica that lists have changed. Others are told twice: at once, so that they have the new list when the clients of
  /// this replica hear that there is one, and when it has been listed here, since some say it before they do it.
  func announced(_ upstream: Name, isListed: Bool) {
    tell([isListed ? Self.listed : Self.announced] + replica + Array(upstream.utf8))
  }

  /// An upstream said to this replica that a resource was updated.
  func updated(_ upstream: Name, _ uri: Name) {
    let now = time.now()
    heard.withLockedValue { heard in
      if heard.count >= Self.most { heard = heard.filter { now - $0.value < Self.memory } }
      if heard.count < Self.most { heard[Resource(upstream: upstream, uri: uri)] = now }
    }
    guard uri.utf8.count <= Self.longestURI else { return }
    tell([Self.updated] + replica + Array(upstream.utf8) + [UInt8(ascii: " ")] + Array(uri.utf8))
  }

  /// Takes a message; false where it is none of these.
  func hear(_ message: [UInt8]) -> Bool {
    guard let kind = message.first, [Self.announced, Self.listed, Self.updated].contains(kind) else { return false }
    let rest = message.dropFirst()
    guard rest.count > replica.count, !rest.starts(with: replica) else { return true }
    let parts = rest.dropFirst(replica.count).split(separator: UInt8(ascii: " "), maxSplits: 1)
    guard let upstream = parts.first.flatMap({ Name(utf8: $0) }) else { return true }
    if kind != Self.updated {
      queue.yield(.lists(upstream, atOnce: kind == Self.announced))
    } else if parts.count == 2, let uri = Name(utf8: parts[1]) {
      queue.yield(.resource(upstream, uri, at: time.now()))
    }
    return true
  }

  /// Acts on hints until cancelled.
  func run() async {
    for await hint in hints {
      switch hint {
      case .lists(let upstream, let atOnce): readers.withLockedValue { $0.onLists }(upstream, atOnce)
      case .resource(let upstream, let uri, let at):
        do { try await time.sleep(until: at + Self.patience) } catch { return }
        let isKnown = heard.withLockedValue { heard in
          heard[Resource(upstream: upstream, uri: uri)].map { time.now() - $0 < Self.memory } ?? false
        }
        if !isKnown { readers.withLockedValue { $0.onResource }(upstream, uri) }
      }
    }
  }
}
