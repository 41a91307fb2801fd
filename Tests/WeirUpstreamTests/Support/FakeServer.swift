import Glibc

/// MCP servers in Python, written into a temporary directory: real processes with real pipes and sockets, behaving as told.
enum FakeServer {
  /// Where the scripts of this test run stand.
  static let directory: String = {
    // What is written to a process that has died must not end this one; in the program NIO sees to that.
    signal(SIGPIPE, SIG_IGN)
    let path = "/tmp/weir-upstream-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    mkdir(path, 0o700)
    atexit { _ = system("rm -rf '\(FakeServer.directory)'") }
    return path
  }()

  static let stdio = write("stdio_server.py", stdioSource)
  static let http = write("http_server.py", httpSource)

  /// A fresh path that does not exist yet.
  static func path(_ name: String) -> String { "\(directory)/\(name)-\(UInt64.random(in: 0 ... .max))" }

  static func contents(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = fgetc(file), byte >= 0 { bytes.append(UInt8(byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func write(_ name: String, _ source: String) -> String {
    let path = "\(directory)/\(name)"
    guard let file = fopen(path, "w") else { return path }
    fputs(source, file)
    fclose(file)
    return path
  }

  /// Arguments: `key=value` pairs. `era` legacy | modern | exits | silent | old | alien; `tools` and `page`; `log` a file for what arrived.
  private static let stdioSource = #"""
    import json, os, subprocess, sys, time
    options = dict(a.split("=", 1) for a in sys.argv[1:])
    era = options.get("era", "legacy")
    count, page = int(options.get("tools", 3)), int(options.get("page", 100))
    out = sys.stdout.buffer
    seen, held, opened = [], {}, False

    def send(message):
        out.write(json.dumps(message).encode() + b"\n"); out.flush()
    def answer(id, result): send({"jsonrpc": "2.0", "id": id, "result": result})
    def fail(id, code, text, data=None):
        error = {"code": code, "message": text}
        if data is not None: error["data"] = data
        send({"jsonrpc": "2.0", "id": id, "error": error})
    def note(line):
        if "log" in options:
            with open(options["log"], "a") as f: f.write(line + "\n")
    def text(value): return {"content": [{"type": "text", "text": value}]}
    def leak(): return "no entry for %s at https://bill.internal/v1?x=1" % os.environ["SECRET_TOKEN"]
    def names(): return ["echo", "bad name!"] + ["tool%d" % i for i in range(count - 1)]

    def listing(id, params):
        if options.get("cursor") == "loop": return answer(id, {"tools": [], "nextCursor": "same"})
        start = int(params.get("cursor", "0"))
        everything = names()
        result = {"tools": [{"name": n, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": n == "echo"}} for n in everything[start:start + page]]}
        if start + page < len(everything): result["nextCursor"] = str(start + page)
        if era == "modern": result.update(resultType="complete", ttlMs=120000, cacheScope="public")
        answer(id, result)

    def call(id, params):
        global count
        name, arguments, meta = params["name"], params.get("arguments", {}), params.get("_meta", {})
        token = meta.get("progressToken")
        if name == "echo": answer(id, text(json.dumps(arguments)))
        elif name == "meta": answer(id, text(json.dumps(meta, sort_keys=True)))
        elif name == "pid": answer(id, text(str(os.getpid())))
        elif name == "environment": answer(id, text(",".join(sorted(os.environ))))
        elif name == "hold": held[id] = params
        elif name == "die": os._exit(9)
        elif name == "die_once":
            if os.path.exists(arguments["marker"]): return answer(id, text("second"))
            open(arguments["marker"], "w").close(); os._exit(9)
        elif name == "garbage":
            out.write(b"Listening on nothing\n[1]\n{\"jsonrpc\":\"2.0\"}\n\n"); answer(id, text("clean"))
        elif name == "broken": out.write(b'{"jsonrpc":"2.0","id":%d,"result":{"a":1,"a":2}}\n' % id); out.flush()
        elif name == "double": answer(id, text("one")); answer(id, text("two"))
        elif name == "unknown": answer(id + 1000, text("none")); answer(str(id), text("text")); answer(id, text("mine"))
        elif name == "big": out.write(b"x" * int(arguments["bytes"]) + b"\n"); out.flush()
        elif name == "leak": fail(id, -32050, leak(), {"uri": os.environ["SECRET_TOKEN"]})
        elif name == "error": fail(id, -32050, "no\u0007 luck\nat all", {"why": "test"})
        elif name == "progress":
            for value in (1, 2, 2, 1, 3):
                send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": value, "note": "n"}})
            send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 999999, "progress": 9}})
            answer(id, text("done"))
        elif name == "ask":
            send({"jsonrpc": "2.0", "id": "p", "method": "ping"})
            send({"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage", "params": {}})
            answer(id, text(sys.stdin.readline().strip() + "|" + sys.stdin.readline().strip()))
        elif name == "flood":
            for i in range(int(arguments["lines"])): print("line %d token=%s Bearer abcdef0123456789 AKIAABCDEFGHIJKLMNOP" % (i, os.environ.get("SECRET_TOKEN")), file=sys.stderr)
            sys.stderr.flush(); answer(id, text("flooded"))
        elif name == "spawn":
            child = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=arguments.get("session", False))
            answer(id, text("%d,%s" % (child.pid, child.stdout.readline().decode().strip())))
        elif name == "change":
            count += 1; answer(id, text("changed")); send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        elif name == "withdraw":
            send({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {}})
            while "asked" in arguments and not os.path.exists(arguments["asked"]): time.sleep(0.01)
            send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "q"}}); answer(id, text("withdrawn"))
        elif name == "complete":
            send({"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": {"elicitationId": "e"}}); answer(id, text("completed"))
        elif name == "stubborn":
            import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); answer(id, text("ok"))
            while True: time.sleep(1)
        else: fail(id, -32602, "Unknown tool")

    print("server starts", file=sys.stderr)
    if options.get("start") == "dead": sys.exit(3)
    if options.get("start") == "mute": time.sleep(1000)
    while True:
        line = sys.stdin.readline()
        if not line: break
        message = json.loads(line)
        method, id, params = message.get("method"), message.get("id"), message.get("params", {})
        note(method or "response")
        if method == "server/discover":
            if era == "modern": answer(id, {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "instructions": "modern rules", "ttlMs": 0, "cacheScope": "public"})
            elif era == "exits": sys.exit(1)
            elif era == "silent": pass
            elif era == "alien": fail(id, -32022, "Unsupported", {"supported": ["2099-01-01"], "requested": "2026-07-28"})
            elif era == "dual": fail(id, -32022, "Unsupported", {"supported": ["2025-06-18"], "requested": "2026-07-28"})
            else: fail(id, -32602, "Invalid request parameters")
        elif method == "initialize":
            if era == "modern": fail(id, -32601, "modern only"); continue
            if era == "leak": fail(id, -32050, leak()); continue
            version = {"old": "2024-11-05", "odd": "1999-01-01"}.get(era, "2025-11-25")
            answer(id, {"protocolVersion": version, "capabilities": {"tools": {"listChanged": True}}, "serverInfo": {"name": "s", "version": "1"}, "instructions": "legacy rules"})
        elif method == "notifications/initialized": opened = True
        elif method == "notifications/cancelled":
            note("cancelled:%s" % held.pop(params["requestId"], {}).get("name"))
        elif id is None: pass
        elif era == "modern" and "io.modelcontextprotocol/protocolVersion" not in params.get("_meta", {}): fail(id, -32602, "no _meta")
        elif era != "modern" and not opened: fail(id, -32602, "not initialized")
        elif method == "tools/list": listing(id, params)
        elif method == "tools/call": call(id, params)
        elif method: fail(id, -32601, "no such method")
    note("eof")
    """#

  /// Arguments: `key=value` pairs. Prints its port. `era` legacy | modern | denied | busy | sse; `log` a file for what arrived.
  private static let httpSource = #"""
    import json, os, sys, threading, time
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    options = dict(a.split("=", 1) for a in sys.argv[1:])
    era = options.get("era", "legacy")
    state = {"session": 0, "valid": set(), "drop": int(options.get("drop", 0)), "tools": 2, "fail": 0, "busy": 0}
    lock, changed, released = threading.Lock(), threading.Event(), threading.Event()

    def note(line):
        if "log" in options:
            with lock, open(options["log"], "a") as f: f.write(line + "\n")
    def text(value): return {"content": [{"type": "text", "text": value}]}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *a): pass
        def reply(self, status, body=b"", kind="application/json", **headers):
            self.send_response(status)
            if body: self.send_header("Content-Type", kind)
            for k, v in headers.items(): self.send_header(k.replace("_", "-"), v)
            self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
        def message(self, status, message, **headers): self.reply(status, json.dumps(message).encode(), **headers)
        def result(self, id, result, **headers): self.message(200, {"jsonrpc": "2.0", "id": id, "result": result}, **headers)
        def error(self, status, id, code, text, data=None):
            error = {"code": code, "message": text}
            if data: error["data"] = data
            self.message(status, {"jsonrpc": "2.0", "id": id, "error": error})
        def stream(self):
            self.send_response(200); self.send_header("Content-Type", "text/event-stream; charset=utf-8"); self.send_header("Connection", "close"); self.end_headers()
            self.close_connection = True
        def event(self, message): self.wfile.write(b": keep\n\nid: 1\ndata:\n\nevent: message\r\ndata: " + json.dumps(message).encode() + b"\r\n\r\n"); self.wfile.flush()

        def leak(self): return "no entry for %s at https://bill.internal/v1?x=1" % self.headers.get("Authorization").split(" ")[1]

        def do_DELETE(self):
            note("DELETE"); self.reply(200)
        def do_GET(self):
            if options.get("get") != "yes": return self.reply(405)
            note("GET"); self.stream()
            while not changed.wait(0.1): pass
            changed.clear()
            try: self.event({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            except OSError: pass
            time.sleep(0.2)
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            method, id, params = body.get("method"), body.get("id"), body.get("params", {})
            note(method or "response")
            if options.get("token") and self.headers.get("Authorization") != options["token"]: return self.reply(401)
            if self.headers.get("Accept") != "application/json, text/event-stream": return self.reply(406)
            if era == "denied": return self.reply(403)
            if era == "busy": return self.reply(503, Retry_After="1")
            if era == "sse": return self.reply(405)
            if era == "modern": return self.modern(method, id, params)
            session = self.headers.get("Mcp-Session-Id")
            if method == "server/discover": return self.error(400, None, -32600, "Bad Request: Missing session ID")
            if method == "initialize":
                if era == "leak": return self.error(400, id, -32600, self.leak())
                if self.headers.get("MCP-Protocol-Version"): return self.error(400, id, -32600, "version header on initialize")
                with lock:
                    state["session"] += 1; name = "s-%d" % state["session"]; state["valid"].add(name)
                return self.result(id, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "h", "version": "1"}}, Mcp_Session_Id=name)
            if session not in state["valid"]: return self.error(404, None, -32600, "Session not found")
            if self.headers.get("MCP-Protocol-Version") != "2025-06-18": return self.error(400, id, -32600, "no version")
            if method is None and options.get("answers") == "slow":
                with lock: state["busy"] += 1; busy = state["busy"]
                note("busy:%d" % busy); time.sleep(0.1)
                with lock: state["busy"] -= 1
            if method is None or id is None: return self.reply(202)
            self.serve(method, id, params)
        def modern(self, method, id, params):
            if method == "initialize": return self.error(400, id, -32022, "Unsupported", {"supported": ["2026-07-28"], "requested": "2025-11-25"})
            if id is None: return self.reply(202)
            meta = params.get("_meta", {})
            if self.headers.get("MCP-Protocol-Version") != meta.get("io.modelcontextprotocol/protocolVersion") or self.headers.get("Mcp-Method") != method: return self.error(400, id, -32020, "mismatch")
            if "io.modelcontextprotocol/clientCapabilities" not in meta: return self.error(400, id, -32602, "no capabilities")
            if method == "tools/call" and self.headers.get("Mcp-Name") != params["name"]: return self.error(400, id, -32020, "mismatch")
            if self.headers.get("Mcp-Session-Id"): return self.error(400, id, -32020, "session")
            if method == "server/discover": return self.result(id, {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"})
            self.serve(method, id, params)
        def serve(self, method, id, params):
            if method == "ping": return self.result(id, {})
            if method == "tools/list":
                return self.result(id, {"tools": [{"name": "t%d" % i, "inputSchema": {"type": "object"}} for i in range(state["tools"])]})
            name, arguments, token = params["name"], params.get("arguments", {}), params.get("_meta", {}).get("progressToken")
            if name == "echo": return self.result(id, text(json.dumps(arguments)))
            if name == "forget":
                with lock: state["valid"].clear()
                return self.result(id, text("forgotten"))
            if name == "change":
                state["tools"] += 1; changed.set(); return self.result(id, text("changed"))
            if name == "stream":
                self.stream()
                for value in (1, 2, 2, 3): self.event({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": value}})
                self.event({"jsonrpc": "2.0", "id": 4711, "result": {}})
                if era == "legacy": self.event({"jsonrpc": "2.0", "id": "x", "method": "ping"})
                return self.event({"jsonrpc": "2.0", "id": id, "result": text("streamed")})
            if name == "ask":
                self.stream()
                for value in range(100):
                    for asked in ("ping", "roots/list"): self.event({"jsonrpc": "2.0", "id": "%s %d" % (asked, value), "method": asked})
                return self.event({"jsonrpc": "2.0", "id": id, "result": text("asked")})
            if name == "cut":
                self.stream(); return self.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
            if name == "cut_once":
                self.stream()
                with lock: state["fail"] += 1; first = state["fail"] == 1
                return None if first else self.event({"jsonrpc": "2.0", "id": id, "result": text("second")})
            if name == "hold":
                self.stream()
                try:
                    while not released.wait(0.05): self.wfile.write(b": wait\n\n"); self.wfile.flush()
                except OSError: return note("closed")
                return None
            if name == "withdraw":
                self.stream(); self.event({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {}})
                while "asked" in arguments and not os.path.exists(arguments["asked"]): time.sleep(0.01)
                self.event({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "q"}})
                return self.event({"jsonrpc": "2.0", "id": id, "result": text("withdrawn")})
            if name == "mismatch":
                state["tools"] += 1; return self.error(400, id, -32020, "a header is missing")
            if name == "throttle": return self.reply(429, Retry_After="7")
            if name == "crash": return self.reply(500, b"<html>secret stack</html>", "text/html")
            if name == "leak": return self.error(200, id, -32050, self.leak(), {"uri": self.leak()})
            if name == "missing": return self.reply(404)
            if name == "error": return self.error(200, id, -32050, "no luck", {"why": 1})
            if name == "bad": return self.reply(200, b"not json")
            if name == "big": return self.reply(200, b" " * int(arguments["bytes"]) + b"{}")
            if name == "forbidden": return self.reply(403, WWW_Authenticate='Bearer error="insufficient_scope"')
            if name == "unauthorized": return self.reply(401)
            if name == "revoke":
                options["token"] = "never"; return self.result(id, text("revoked"))
            self.error(200, id, -32602, "Unknown tool")

    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", int(options.get("port", 0))), Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    """#
}
