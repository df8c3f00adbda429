"""Results as text: a line for each row, and of several runs the least, the middle and the largest.

``python -m benchmarks.table out/bench1.json out/bench2.json ...`` prints the latter.
"""

from __future__ import annotations

import json
import sys
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

from .fresh import NOISE
from .rows import BOUNDED

Result = dict[str, Any]
GOAL = 2.5  # times ahead of the best peer, as the geometric mean of the rows
FIRST = 0.5  # of JAX's first call
START = 0.15  # of the start with no code on disk


def mean_lead(results: list[Result]) -> float | None:
    """How many times ahead clew is: the geometric mean over the rows that the issue bounds."""
    bounded = {row.name for row in BOUNDED}
    ratios = [r["ratio"] for r in results if r["row"] in bounded and r["ratio"]]
    return exp(-sum(map(log, ratios)) / len(ratios)) if ratios else None


def show(x: float | None, digits: int = 3) -> str:
    if x is None:
        return "-"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.{digits}g}"


def heading(peers: list[str]) -> str:
    columns = "".join(f"{peer:>10}" for peer in peers)
    return f"{'row':20}{columns}{'best':>10}{'clew/best':>11}{'bound, us':>11}  met  agree  others run"


def line(result: Result, peers: list[str]) -> str:
    times = "".join(f"{show(result['us'].get(peer, {}).get('median')):>10}" for peer in peers)
    met = {True: "yes", False: "NO", None: "-"}[result["met"]]
    agree = "yes" if result["agree"] else f"NO, {max(result['apart'].values()):.0e}"
    ratio, bound = show(result["ratio"]), show(result["bound_us"])
    beside = f"{result['best'] or '-':>10}{ratio:>11}{bound:>11}"
    return f"{result['row']:20}{times}{beside}  {met:4} {agree:6} {show(result['others'], 2)}"


def first_line(result: Result, peers: list[str]) -> str:
    calls = [result["first"].get(peer) for peer in peers]
    cells = "".join(f"{' / '.join(show(call and call[start]) for start in ('cold', 'warm')):>18}" for call in calls)
    ours, jax = result["first"].get("clew"), result["first"].get("jax")
    share = ours["cold"] / jax["cold"] if ours and jax else None
    return f"{result['row']:20}{cells}  clew/jax {show(share)}{'' if share is None or share <= FIRST else ', NOT at most 0.5'}"


def start_line(result: Result) -> str:
    seconds = result["start"].get("clew")
    share = seconds and seconds["warm"] / seconds["cold"]
    cell = " / ".join(show(seconds and seconds[start]) for start in ("cold", "warm"))
    met = "" if not share or share <= START else f", NOT at most {START}"
    return f"{result['row']:20}{cell:>18}  warm/cold {show(share)}{met}"


def memory_line(result: Result, peers: list[str]) -> str:
    memory = result["memory"]
    ours, torch = memory.get("clew"), memory.get("torch")
    met = "-" if ours is None or torch is None else "yes" if ours <= torch + NOISE else "NO"
    return f"{result['row']:20}{''.join(f'{show(memory.get(peer)):>10}' for peer in peers)}  at most PyTorch's: {met}"


def spread(runs: list[list[Result]]) -> str:
    """For each row that all runs have, clew's share of the best peer's time: least, middle, largest."""
    columns = [{r["row"]: r for r in run} for run in runs]
    lines = [f"{'row':20}{'least':>8}{'middle':>8}{'largest':>8}  bounds met"]
    for name in columns[0]:
        found = [column[name] for column in columns if name in column]
        if ratios := [r["ratio"] for r in found if r["ratio"]]:
            met = sum(bool(r["met"]) for r in found)
            numbers = "".join(f"{show(x):>8}" for x in (min(ratios), median(ratios), max(ratios)))
            lines.append(f"{name:20}{numbers}  {met} of {len(found)}")
    leads = [lead for lead in map(mean_lead, runs) if lead]
    return "\n".join(lines + [f"times ahead of the best peer: {', '.join(map(show, leads))}"] * bool(leads))


if __name__ == "__main__":
    print(spread([json.loads(Path(file).read_text(encoding="utf-8"))["rows"] for file in sys.argv[1:]]))
