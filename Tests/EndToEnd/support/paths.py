"""Where things are, and the environments that the real servers need."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
END_TO_END = ROOT / "Tests" / "EndToEnd"
AWS_BIN = ROOT / ".venv" / "aws" / "bin"
MCP1_PYTHON = ROOT / ".venv" / "mcp1" / "bin" / "python"


def find_binary() -> tuple[Path | None, str]:
    """The binary under test and, where there is none, why. WEIR_BINARY decides; otherwise the newest of the release and the debug build."""
    named = os.environ.get("WEIR_BINARY")
    if named:
        return Path(named), ""
    built = [path for path in (ROOT / ".build" / kind / "weir" for kind in ("release", "debug")) if path.exists()]
    if built:
        return max(built, key=lambda path: path.stat().st_mtime), ""
    return None, "weir is not built: run scripts/test, or swift build --product weir"


def find_data() -> Path | None:
    """The folder of test data that lies beside the repository: WEIR_TEST_DATA if set, else shared/data next to it."""
    named = os.environ.get("WEIR_TEST_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def aws_environment(endpoint: str) -> dict[str, str]:
    """The environment of a real AWS server whose cloud is the emulator."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "FASTMCP_LOG_LEVEL": "ERROR",
        "FASTMCP_CHECK_FOR_UPDATES": "off",
        "FASTMCP_SHOW_SERVER_BANNER": "false",
        "MCP_SQL_THRESHOLD": "100000000",
    }
