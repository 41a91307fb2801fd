import Foundation
import Testing
import WeirMCP

@testable import WeirStdio

@Suite("What a client may have waiting")
struct InputTests {
  private static func said(_ bytes: Int) -> String {
    #"{"jsonrpc":"2.0","method":"notifications/x","params":{"x":"\#(String(repeating: "x", count: bytes))"}}"#
  }

  @Test("notifications that wait for the server are too many by bytes or by number until it goes on", arguments: [(1 << 20, 9), (1, 1025)])
  func notifications(bytes: Int, number: Int) throws {
    var machine = BridgeMachine()
    let first = try #require(try machine.hear(Self.said(bytes)).posts.first)
    for _ in 1..<number {
      #expect(!machine.isFull)
      #expect(try machine.hear(Self.said(bytes)).isEmpty)
    }
    #expect(machine.isFull)
    var (line, actions) = machine.settle(first, .accepted)
    #expect(line == nil && !machine.isFull)
    var left = 1
    while let next = actions.posts.first {
      left += 1
      (line, actions) = machine.settle(next, .accepted)
    }
    #expect(left == number)
  }

  @Test("errors that the client has yet to read are too many until it reads")
  func unread() throws {
    var machine = BridgeMachine()
    let error = RPCErrorObject(code: RPCErrorObject.invalidRequest, message: String(repeating: "x", count: 5 << 20))
    let refused = (0..<2).flatMap { _ in machine.refused(ClientMessage.Refusal(id: nil, error: error)).written }
    #expect(machine.isFull)
    _ = machine.written(Array(try #require(refused.first).utf8))
    #expect(!machine.isFull)
  }

  @Test("requests under way stop no reading, since their answers may need more of it: too many bytes of them are an error")
  func requests() throws {
    var machine = BridgeMachine()
    let padding = #""x":"\#(String(repeating: "x", count: 15 << 20))""#
    for id in 0..<4 { #expect(try machine.hear(Line.modern(id, "tools/list", padding)).posts.count == 1) }
    let refused = try machine.hear(Line.modern(9, "tools/list", padding))
    #expect(refused.posts.isEmpty && refused.written.first?.contains("under way") == true)
    #expect(machine.written(Array(try #require(refused.written.first).utf8)).isEmpty && !machine.isFull)
  }

  @Test("nothing is lost between the pieces in which input is read")
  func pieces() async throws {
    let pipe = Pipe()
    let lines = (0..<200).map { "\($0) " + String(repeating: "x", count: 2000) }
    let writer = Thread {
      pipe.fileHandleForWriting.write(Data(lines.map { $0 + "\n" }.joined().utf8))
      try? pipe.fileHandleForWriting.close()
    }
    writer.start()
    let input = LineInput(descriptor: pipe.fileHandleForReading.fileDescriptor, maxLineBytes: 4000)
    var read: [LineFeed.Line] = []
    for await piece in input.pieces() {
      read += piece
      input.readOn()
    }
    #expect(read == lines.map { .text(Array($0.utf8)) })
  }
}
