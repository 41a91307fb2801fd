import ArgumentParser
import WeirApp

@main
struct Weir: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "weir")
}
