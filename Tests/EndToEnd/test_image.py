"""What the image is built from: a folder that the manifest names and the context lacks fails every build (issue 2)."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def folders_of_targets() -> set[str]:
    """Where the manifest looks for its targets: their own `path`, or `Sources/` and `Tests/`."""
    manifest = (ROOT / "Package.swift").read_text()
    return {"Sources", "Tests"} | set(re.findall(r'\bpath: "([^"]+)"', manifest))


def holds(entries: list[str], folder: str) -> bool:
    return any(folder == entry or folder.startswith(f"{entry}/") for entry in entries)


def test_the_context_has_every_folder_that_the_manifest_names() -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (\S+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    folders = folders_of_targets()
    assert any(folder.startswith("Benchmarks/") for folder in folders), "the manifest is not read as it is written"
    for folder in folders:
        assert (ROOT / folder).is_dir(), folder
        assert holds(let_in, folder), f".dockerignore keeps {folder} out"
        assert holds(copied, folder), f"the Dockerfile does not copy {folder}"
