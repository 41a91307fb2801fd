package import WeirCore
package import WeirRedis

/// How answers are shared through Redis.
package struct RedisSettings: Sendable {
  /// A user with a password of its own or from a file that is read again.
  package struct User: Sendable {
    package var name: String?
    package var password: Secret?
    /// Instead of `password`.
    package var passwordFile: String?
  }

  package var deployment: RedisDeployment
  package var database = 0
  package var user = User()
  /// Of the Sentinels.
  package var sentinelUser = User()
  /// Nil for none.
  package var tls: RedisTLSFiles?
  package var connections = 2
  package var commandTimeout: Duration = .milliseconds(75)
  /// Before every key, so that several deployments can share one Redis.
  package var prefix = "weir"

  package init(deployment: RedisDeployment) {
    self.deployment = deployment
  }

  /// What the client is made from.
  package var configuration: RedisConfiguration {
    var configuration = RedisConfiguration(deployment)
    configuration.credentials = user.credentials
    configuration.sentinelCredentials = sentinelUser.credentials
    configuration.database = database
    configuration.tls = tls
    configuration.connections = connections
    configuration.commandTimeout = commandTimeout
    return configuration
  }
}

extension RedisSettings.User {
  fileprivate var credentials: RedisCredentials {
    var credentials = RedisCredentials()
    credentials.user = name
    if let file = passwordFile {
      credentials.password = .reread { try SecretSource.machine.contents(of: file) }
    } else if let password {
      credentials.password = .fixed(RedisPassword(password.reveal))
    }
    return credentials
  }
}
