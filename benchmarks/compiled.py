"""Compiled steps beside the peers: one process, calls in turn, medians, and the issue's bounds.

``python -m benchmarks.compiled [row ...] [--peers torch,compile,jax,pytensor] [--seconds s]
[--first] [--start] [--memory] [--json f]``

A row is named by a part of its name; ``bounded`` are those with a bound of the issue's, ``others`` the others. Every peer
that is installed first computes the same numbers, or the table says by how much they differ. Its last column is the share
of the cores that other programs took meanwhile. With ``--first`` each makes its first call in a process of its own, with
``--memory`` a few steps; with ``--start`` clew does as a program would, imports included.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import fresh, table
from .machine import Others, facts, wait_for_quiet
from .measure import Numbers, apart, interleaved, numbers, of_rounds, summary
from .rows import BOUNDED, OTHERS, ROWS
from .steps import PEERS, available, knows, side
from .table import Result
from .work import Row, Side, Work

AGREE = {False: 2e-3, True: 1e-9}  # by whether the row is in float64


def chosen(words: list[str]) -> list[Row]:
    groups = {"bounded": BOUNDED, "others": OTHERS}
    rows = [row for word in words or groups for row in groups.get(word, [row for row in ROWS if word in row.name])]
    return list({row.name: row for row in rows}.values())


def ready(row: Row, work: Work, peers: list[str]) -> tuple[dict[str, Side], dict[str, Numbers], dict[str, str]]:
    """Each peer's side and its numbers, and why a peer has none."""
    sides: dict[str, Side] = {}
    found: dict[str, Numbers] = {}
    failed: dict[str, str] = {}
    for peer in peers:
        if knows(peer, row):
            try:
                made = side(peer, row, work)
                found[peer] = numbers(made)
                sides[peer] = made
            except Exception as error:  # one that cannot do a row is told, and the others go on
                failed[peer] = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
    return sides, found, failed


def measured(row: Row, peers: list[str], seconds: float, wait: float = 0.0) -> Result:
    work = row.work()
    sides, found, failed = ready(row, work, peers)
    first = next(iter(found), "")
    differences = {peer: apart(found[first], found[peer]) for peer in found if peer != first}
    wait_for_quiet(wait)
    others = Others()
    times = interleaved(sides, seconds) if sides else {}
    share = others.share()
    us = {peer: summary(found) for peer, found in times.items()}
    medians = {peer: t["median"] for peer, t in us.items()}
    ours = medians.pop("clew", None)
    best = min(medians, key=medians.__getitem__, default=None)
    bound = row.bound(medians[best] if best else None)
    ratio = of_rounds(times["clew"], times[best]) if ours and best else None
    return {
        "row": row.name,
        "us": us,
        "best": best,
        "ratio": ratio,
        "bound_us": bound,
        "met": row.met(ours, ratio),
        "issue_us": row.issue,
        "others": share,
        "apart": differences,
        "agree": all(d <= AGREE[work.double] for d in differences.values()),
        "failed": failed,
    }


def in_processes(row: Row, peers: list[str], ask: Callable[[Row, str], Any]) -> dict[str, Any]:
    """What each peer answers from a process of its own; None where it fails, and why is printed."""
    answers: dict[str, Any] = {}
    for peer in peers:
        if knows(peer, row):
            try:
                answers[peer] = ask(row, peer)
            except fresh.Failed as error:
                answers[peer] = None
                print(f"  {error}")
    return answers


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", help="parts of rows' names, or bounded, or others; all without")
    parser.add_argument("--peers", default=",".join(PEERS[1:]), help="peers beside clew, with commas between")
    parser.add_argument("--without-clew", action="store_true", help="the peers alone")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each peer is measured in a row (default 1)")
    parser.add_argument("--wait", type=float, default=0.0, help="wait so long at most for a quiet machine before each row")
    parser.add_argument("--first", action="store_true", help="also the first call, in a new process, cold and warm")
    parser.add_argument("--start", action="store_true", help="also clew's start, in a new process, cold and warm")
    parser.add_argument("--memory", action="store_true", help="also the memory of steps, in a new process")
    parser.add_argument("--json", type=Path, help="a file to write everything to")
    options = parser.parse_args(given)
    options.peers = [peer for peer in options.peers.split(",") if peer]
    if unknown := set(options.peers) - set(PEERS):
        raise SystemExit(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS[1:])}")
    if not chosen(options.rows):
        raise SystemExit(f"no row is named {' or '.join(options.rows)}; there are {', '.join(row.name for row in ROWS)}")
    return options


def main(given: list[str] | None = None) -> list[Result]:
    options = arguments(given)
    rows = chosen(options.rows)
    peers = available(([] if options.without_clew else ["clew"]) + [peer for peer in options.peers if peer != "clew"])
    document = {"when": time.strftime("%Y-%m-%d %H:%M"), "seconds": options.seconds, "machine": facts()}
    results: list[Result] = []
    print(f"median microseconds of a call; calls in turn, {options.seconds:g} s each\n{table.heading(peers)}")
    for row in rows:
        results.append(measured(row, peers, options.seconds, options.wait))
        print(table.line(results[-1], peers), flush=True)
        for peer, why in results[-1]["failed"].items():
            print(f"  {peer}: {why}")
    if lead := table.mean_lead(results):
        print(f"\ngeometric mean over the issue's rows: {lead:.2f} times ahead of the best peer (goal {table.GOAL})")
    if options.first:
        print(f"\nfirst call, seconds, cold / warm: {', '.join(peers)}")
        for row, result in zip(rows, results, strict=True):
            result["first"] = in_processes(row, peers, fresh.first_call)
            print(table.first_line(result, peers), flush=True)
    if options.start:
        print("\nstart, imports included, beyond what later calls take, seconds, cold / warm: clew")
        for row, result in zip(rows, results, strict=True):
            result["start"] = in_processes(row, ["clew"], fresh.start)
            print(table.start_line(result), flush=True)
    if options.memory:
        print(f"\nmemory of steps, MiB: {', '.join(peers)}")
        for row, result in zip(rows, results, strict=True):
            result["memory"] = in_processes(row, peers, fresh.memory)
            print(table.memory_line(result, peers), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        whole = {**document, "rows": results, "times ahead": lead}
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return results


if __name__ == "__main__":
    main()
