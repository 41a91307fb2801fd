/// The method names of both eras (schema.ts of 2025-11-25 and 2026-07-28).
package enum MCPMethod {
  // Opening
  package static let initialize = "initialize"
  package static let initialized = "notifications/initialized"
  package static let ping = "ping"
  package static let discover = "server/discover"
  // Tools
  package static let toolsList = "tools/list"
  package static let toolsCall = "tools/call"
  package static let toolsListChanged = "notifications/tools/list_changed"
  // Resources
  package static let resourcesList = "resources/list"
  package static let resourceTemplatesList = "resources/templates/list"
  package static let resourcesRead = "resources/read"
  package static let resourcesSubscribe = "resources/subscribe"
  package static let resourcesUnsubscribe = "resources/unsubscribe"
  package static let resourcesListChanged = "notifications/resources/list_changed"
  package static let resourceUpdated = "notifications/resources/updated"
  // Prompts and completion
  package static let promptsList = "prompts/list"
  package static let promptsGet = "prompts/get"
  package static let promptsListChanged = "notifications/prompts/list_changed"
  package static let complete = "completion/complete"
  // Logging, progress, cancellation
  package static let setLevel = "logging/setLevel"
  package static let message = "notifications/message"
  package static let progress = "notifications/progress"
  package static let cancelled = "notifications/cancelled"
  // Subscriptions (2026-07-28)
  package static let subscriptionsListen = "subscriptions/listen"
  package static let subscriptionsAcknowledged = "notifications/subscriptions/acknowledged"
  // What a server asks of a client
  package static let createMessage = "sampling/createMessage"
  package static let elicit = "elicitation/create"
  package static let elicitationComplete = "notifications/elicitation/complete"
  package static let rootsList = "roots/list"
  package static let rootsListChanged = "notifications/roots/list_changed"
  // Tasks (2025-11-25, and the extension of 2026-07-28)
  package static let tasksGet = "tasks/get"
  package static let tasksResult = "tasks/result"
  package static let tasksList = "tasks/list"
  package static let tasksCancel = "tasks/cancel"
  package static let tasksUpdate = "tasks/update"
  package static let tasksStatus = "notifications/tasks/status"
}
