import WeirCore
import WeirMCP

extension UpstreamFeatures {
  /// The list that a notification says to have changed; nil for another notification.
  init?(announcedBy method: String) {
    switch method {
    case MCPMethod.toolsListChanged: self = .tools
    case MCPMethod.resourcesListChanged: self = .resources
    case MCPMethod.promptsListChanged: self = .prompts
    default: return nil
    }
  }
}
