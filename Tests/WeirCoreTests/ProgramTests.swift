import Foundation
import Testing
import WeirTestSupport

@Suite("Programs that tests run", .timeLimit(.minutes(5)))
struct ProgramTests {
  private let shell: Program

  init() throws { shell = try #require(Program("sh")) }

  @Test("more programs than there are threads may wait for the test that runs them")
  func waiting() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-program-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let count = ProcessInfo.processInfo.activeProcessorCount + 2
    let script = "touch \(folder.path)/$0; until [ -e \(folder.path)/go ]; do sleep 0.05; done; echo $0"
    let outputs = try await withThrowingTaskGroup(of: String.self) { group in
      for index in 0..<count { group.addTask { try await shell.run(["-c", script, "\(index)"]) } }
      while try FileManager.default.contentsOfDirectory(atPath: folder.path).count < count { try await Task.sleep(for: .milliseconds(5)) }
      try Data().write(to: folder.appendingPathComponent("go"))
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(outputs == Set((0..<count).map { "\($0)\n" }))
  }

  @Test("a program has nothing to read, and no descriptor of the tests'")
  func descriptors() async throws {
    let pipe = Pipe()
    let numbers = [pipe.fileHandleForReading, pipe.fileHandleForWriting].map(\.fileDescriptor)
    let checks = numbers.map { "[ ! -e /proc/self/fd/\($0) ]" }.joined(separator: " && ")
    #expect(try await shell.run(["-c", "cat && \(checks) && echo none"]) == "none\n")
    withExtendedLifetime(pipe) {}
  }

  @Test("a program that fails is named, with its status and its last words")
  func failing() async throws {
    let arguments = ["-c", "echo out; echo first >&2; echo last >&2; exit 3"]
    let error = await #expect(throws: Program.Failure.self) { try await shell.run(arguments) }
    let text = try #require(error?.description)
    #expect(text.hasPrefix("sh -c ") && text.contains("3") && text.hasSuffix(": last"), "\(text)")
    let outcome = try await shell.outcome(arguments)
    #expect(!outcome.isSuccess && outcome.output == "out\n" && outcome.errors == "first\nlast\n")
  }

  @Test("a program that takes too long is killed and named")
  func late() async throws {
    let start = ContinuousClock.now
    let error = await #expect(throws: Program.Failure.self) { try await shell.run(["-c", "exec sleep 1000"], within: .milliseconds(50)) }
    #expect(error?.description.hasPrefix("sh -c exec sleep 1000 was still running") == true)
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test("what is not on PATH is no program")
  func absent() {
    #expect(Program("no-such-program-anywhere") == nil)
  }
}
