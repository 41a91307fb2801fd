"""An nginx before an upstream, which caches POST answers by URI and body, or nothing: one worker, in a folder of its own."""

from pathlib import Path

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_body_buffer_size 64k;
  keepalive_requests 100000000;
  proxy_cache_path {folder}/cache keys_zone=answers:10m;
  upstream bench {{
    server 127.0.0.1:{upstream_port};
    keepalive 16;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    location /mcp {{
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache {zone};
      proxy_cache_methods POST;
      proxy_cache_key "$request_uri|$request_body";
      proxy_cache_valid 200 1h;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"""


def write(folder: Path, port: int, upstream_port: int, caches: bool = True) -> Path:
    path = folder / "nginx.conf"
    path.write_text(CONFIGURATION.format(folder=folder, port=port, upstream_port=upstream_port, zone="answers" if caches else "off"))
    return path
