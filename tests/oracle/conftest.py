"""What was compared is told under the results."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed")
    found = [x for report in reports for name, x in report.user_properties if name == "compared"]
    if not found:
        return
    terminalreporter.section("compared")
    for oracle in sorted({x[2] for x in found}):
        of = [x for x in found if x[2] == oracle]
        values = [x for x in of if x[3] == "value"]
        names = {x[0] for x in of}
        terminalreporter.write_line(
            f"{oracle}: {len(names)} functions, {len({x[1] for x in of})} expressions, {len(values)} points"
        )
        for what in dict.fromkeys(x[3] for x in of):
            difference, expression = max((x[4], x[1]) for x in of if x[3] == what)
            terminalreporter.write_line(f"    {what}: largest difference {difference:.1e}, of {expression}")
