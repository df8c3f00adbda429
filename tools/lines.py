"""Lines per folder: how much there is to read, and where it has grown.

Usage: ``python tools/lines.py``. ``median`` and ``longest`` are lengths of single files.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
KINDS = {"code": ("src", "tools"), "tests": ("tests",), "examples": ("examples",), "docs": ("docs", ".")}
SUFFIXES = {"code": ".py", "tests": ".py", "examples": ".py", "docs": ".md"}
GENERATED = {"_build", "generated", "__pycache__"}
ROW = "{:<32}{:>7}{:>8}{:>8}{:>9}"


def lengths(folder: Path, suffix: str) -> dict[str, list[int]]:
    """The length of every file with this suffix, by folder."""
    found = defaultdict(list)
    files = folder.glob(f"*{suffix}") if folder == ROOT else folder.rglob(f"*{suffix}")
    for file in sorted(files):
        parts = file.relative_to(ROOT).parts
        if not GENERATED.intersection(parts):
            name = "/".join(parts[:-1][:3]) or "."  # deeper folders count with the third
            found[name].append(len(file.read_text(encoding="utf-8").splitlines()))
    return found


def row(name: str, files: list[int]) -> str:
    return ROW.format(name, len(files), sum(files), round(median(files)), max(files))


def main() -> None:
    print(ROW.format("", "files", "lines", "median", "longest"))
    for kind, folders in KINDS.items():
        found = [item for folder in folders for item in lengths(ROOT / folder, SUFFIXES[kind]).items()]
        if found:
            print(row(kind, [n for _, files in found for n in files]))
            for name, files in found:
                print(row(f"  {name}", files))


if __name__ == "__main__":
    main()
