extension FakeServer {
  /// A server of HTTP+SSE, as `http` is one of Streamable HTTP.
  static let sse = write("sse_server.py", sseSource)

  /// Arguments: `key=value` pairs. Prints its port. `endpoint` what the first event says, with {s} for the session and {origin}; `first` endpoint |
  /// message | none | closed | garbage; `get` and `post` statuses instead of a stream and of 405; `quiet` no comments; `log` a file for what arrived.
  private static let sseSource = #"""
    import json, queue, sys, threading, time
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    options = dict(a.split("=", 1) for a in sys.argv[1:])
    streams, counts, asked, lock = {}, {"streams": 0, "calls": 0, "tools": 2}, {}, threading.Lock()

    def note(line):
        if "log" in options:
            with lock, open(options["log"], "a") as f: f.write(line + "\n")
    def text(value): return {"content": [{"type": "text", "text": value}]}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *a): pass
        def reply(self, status, body=b"", **headers):
            self.send_response(status)
            for k, v in headers.items(): self.send_header(k.replace("_", "-"), v)
            self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
        def event(self, data, kind="message"): self.wfile.write(b"event: %s\r\ndata: %s\r\n\r\n" % (kind.encode(), data.encode())); self.wfile.flush()

        def do_GET(self):
            note("GET")
            if options.get("token") and self.headers.get("Authorization") != options["token"]: return self.reply(401)
            if options.get("get"): return self.reply(int(options["get"]))
            with lock:
                counts["streams"] += 1; name = str(counts["streams"]); lines = streams[name] = queue.Queue()
            self.send_response(200); self.send_header("Content-Type", "text/event-stream"); self.send_header("Connection", "close"); self.end_headers()
            self.close_connection = True
            first, origin = options.get("first", "endpoint"), "http://127.0.0.1:%d" % server.server_port
            if first == "endpoint": self.event(options.get("endpoint", "/messages?session={s}").format(s=name, origin=origin), "endpoint")
            elif first == "message": self.event(json.dumps({"jsonrpc": "2.0", "id": 1, "result": {}}))
            elif first == "garbage": self.wfile.write(b"data: " + b"x" * 100000)
            elif first == "closed": return
            try:
                while True:
                    try: line = lines.get(timeout=0.05)
                    except queue.Empty:
                        if "quiet" in options: continue
                        self.wfile.write(b": ping\r\n\r\n"); self.wfile.flush(); continue
                    if line is None: break
                    if line == "freeze": time.sleep(1000)
                    self.event(line)
            except OSError: pass
            streams.pop(name, None); note("closed")

        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path, _, query = self.path.partition("?")
            if not query: note("POST"); return self.reply(int(options.get("post", 405)))
            if options.get("token") and self.headers.get("Authorization") != options["token"]: return self.reply(401)
            method, id, params, name = message.get("method"), message.get("id"), message.get("params", {}), query.rpartition("=")[2]
            lines = streams.get(name)
            if lines is None: note("unknown session"); return self.reply(int(options.get("lost", 404)), b"Could not find session")
            send = lambda message: lines.put(json.dumps(message))
            answer = lambda result: send({"jsonrpc": "2.0", "id": id, "result": result})
            tool = params.get("name") if method == "tools/call" else None
            note("answer " + json.dumps([id, message.get("result"), message.get("error")]) if method is None else method)
            if method is None and id in asked: send({"jsonrpc": "2.0", "id": asked.pop(id), "result": text(json.dumps(message["result"]))})
            status = {"missing": 404, "doubtful": 400, "throttle": 429, "denied": 403, "crash": 500}.get(tool)
            if status: return self.reply(status, Retry_After="7")
            if tool == "early": answer(text("early")); time.sleep(0.2); return self.reply(500)
            self.reply(202, b"Accepted")
            if method == "notifications/cancelled": note("cancelled %s" % (params["requestId"] > 0))
            if method and id is not None: self.serve(method, id, params, lines, send, answer, name)

        def serve(self, method, id, params, lines, send, answer, session):
            if method == "initialize":
                capabilities = {"tools": {"listChanged": True}, "resources": {"subscribe": True}}
                note("may ask" if params["capabilities"] else "may not ask")
                send({"jsonrpc": "2.0", "id": "early", "method": "ping"})
                return answer({"protocolVersion": "2024-11-05", "capabilities": capabilities, "serverInfo": {"name": "h", "version": "1"}})
            if method == "ping": return answer({})
            if method == "tools/list": return answer({"tools": [{"name": "t%d" % i, "inputSchema": {"type": "object"}} for i in range(counts["tools"])]})
            if method in ("resources/list", "resources/templates/list"): return answer({"resources": [], "resourceTemplates": []})
            if method in ("resources/subscribe", "resources/unsubscribe"): note(method + " " + params["uri"]); return answer({})
            name, arguments, token = params["name"], params.get("arguments", {}), params.get("_meta", {}).get("progressToken")
            if name == "echo": return answer(text(json.dumps(arguments)))
            if name == "session": return answer(text(session))
            if name == "error": return send({"jsonrpc": "2.0", "id": id, "error": {"code": -32050, "message": "no luck"}})
            if name == "progress":
                for number, value in ((token, 1), (token, 2), (999999, 9), (token, 2), (token, 3)):
                    send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": number, "progress": value}})
                return answer(text("done"))
            if name == "double": answer(text("one")); return answer(text("two"))
            if name == "unknown":
                for other in (id + 1000, str(id), None): send({"jsonrpc": "2.0", "id": other, "error": {"code": 1, "message": "x"}})
                return answer(text("mine"))
            if name == "garbage":
                for line in ("not json", "[1]", '{"jsonrpc":"2.0"}', "", "\u00e9"): lines.put(line)
                return answer(text("clean"))
            if name == "broken": return lines.put('{"jsonrpc":"2.0","id":%d,"result":{"a":1,"a":2}}' % id)
            if name == "malformed": return send({"jsonrpc": "2.0", "id": id, "result": 7})
            if name == "big": return answer(text("x" * arguments["bytes"]))
            if name == "die": return lines.put(None)
            if name == "die_once":
                with lock: counts["calls"] += 1; first = counts["calls"] == 1
                return lines.put(None) if first else answer(text("second"))
            if name == "freeze": return lines.put("freeze")
            if name == "forget": answer(text("forgotten")); return streams.pop(session)
            if name == "change": counts["tools"] += 1; answer(text("changed")); return send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            if name == "touch": answer(text("touched")); return send({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": arguments["uri"]}})
            if name == "log": send({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "said"}}); return answer(text("logged"))
            if name == "ask":
                asked["q%d" % id] = id
                send({"jsonrpc": "2.0", "id": 7, "method": "ping"})
                return send({"jsonrpc": "2.0", "id": "q%d" % id, "method": arguments["method"], "params": {"n": 1}})
            if name != "hold": send({"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": "Unknown tool"}})

    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", int(options.get("port", 0))), Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    """#
}
