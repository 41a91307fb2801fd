package import WeirCore

/// The part of the cache that an entry lives in. There is no key without one: a class that needs a name cannot be written without it, and an
/// empty name is a name like any other.
package enum Partition: Hashable, Sendable {
  case all
  case tenant(Name)
  case principal(Name)

  package var sharingClass: SharingClass {
    switch self {
    case .all: .all
    case .tenant: .tenant
    case .principal: .principal
    }
  }

  /// The bytes that enter the key; told apart from those of another class by the class itself.
  var keyBytes: String.UTF8View {
    switch self {
    case .all: "".utf8
    case .tenant(let name), .principal(let name): name.utf8
    }
  }
}
