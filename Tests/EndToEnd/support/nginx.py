"""The balancer of examples/compose as it is, in a real nginx, before replicas on this machine."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from .processes import ManagedProcess, accepts, eventually, free_port

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "compose" / "balancer.conf"

AROUND = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{example}
}}
"""


def adapted(example: str, port: int, replicas: Sequence[str]) -> str:
    """Docker's names become addresses; nothing else changes."""

    def replaced(pattern: str, by: str, text: str) -> str:
        text, count = re.subn(pattern, lambda _: by, text, flags=re.MULTILINE)
        assert count == 1, f"{EXAMPLE.name} has {count} times {pattern}"
        return text

    text = replaced(r"^  resolver .*;$", "", example)
    options = re.search(r"^  server weir:8080 resolve (.*);$", text, re.MULTILINE)
    assert options, f"{EXAMPLE.name} has no server weir"
    text = replaced(r"^  server weir:8080 .*;$", "\n".join(f"  server {replica} {options[1]};" for replica in replicas), text)
    return replaced(r"^  listen 8080;$", f"  listen 127.0.0.1:{port};", text)


class Nginx:
    def __init__(self, folder: Path, replicas: Sequence[str]) -> None:
        """`replicas` are addresses with ports. An nginx started by root drops its rights and has to reach the folder."""
        program = shutil.which("nginx")
        assert program, "nginx is not installed; scripts/test does it"
        folder.chmod(0o755)
        self.port = free_port()
        path = folder / "nginx.conf"
        path.write_text(AROUND.format(folder=folder, example=adapted(EXAMPLE.read_text(), self.port, replicas)))
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = ManagedProcess([program, "-p", str(folder), "-c", str(path)])
        eventually(lambda: accepts(self.port), 20, "nginx listens")

    def close(self) -> None:
        self.process.stop()
