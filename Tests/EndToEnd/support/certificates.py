"""Certificates for servers on 127.0.0.1, made by the openssl of the system."""

import subprocess
from pathlib import Path


class Certificates:
    """An authority and a server's certificate that it signed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.authority, self._authority_key = folder / "ca.pem", folder / "ca.key"
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        self._openssl(*new, "-subj", "/CN=tests", "-keyout", self._authority_key, "-out", self.authority)
        self._openssl(
            *new, "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
            "-CA", self.authority, "-CAkey", self._authority_key, "-keyout", self.key, "-out", self.certificate)

    @staticmethod
    def _openssl(*words: str | Path) -> None:
        done = subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def redis_options(self, port: int) -> list[str]:
        """What makes a redis-server or Sentinel listen with TLS, besides."""
        options = {"tls-port": port, "tls-cert-file": self.certificate, "tls-key-file": self.key, "tls-ca-cert-file": self.authority, "tls-auth-clients": "no"}
        return [word for name, value in options.items() for word in (f"--{name}", str(value))]
