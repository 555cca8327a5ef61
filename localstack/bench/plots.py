"""Draws how TunRTC grows, from what was measured and counted.

    python localstack/bench/plots.py docs/growth

The folder holds `machine.json`, which `bench --growth` writes, and `units.json`, which the test of the store counts; a picture for
each plot is put beside them. The same figures make the same bytes.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402

AXES = {"people": "people in the session", "sessions": "sessions of two"}
# Legible on white and on black, and told apart by those who see no colours: each has a mark of its own.
STYLE = {
    "svg.hashsalt": "tunrtc", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "figure.figsize": (10, 3.4),
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3, "savefig.transparent": False,
}
# Where lines lie on one another, the thinner ones are drawn last.
LINES = [
    {"color": "#0b63c5", "marker": "o", "linewidth": 4, "markersize": 8}, {"color": "#e08a2c", "marker": "s", "linewidth": 2.8, "markersize": 6},
    {"color": "#2a7d3f", "marker": "^", "linewidth": 1.8, "markersize": 5}, {"color": "#5b2a86", "marker": "D", "linewidth": 1, "markersize": 3},
]


def lines(axes, rows: list[dict], of: str, series: dict, label: str) -> None:
    """One chart: a line for each of the series, which are functions of a row."""
    counts = [row[of] for row in rows]
    for (name, value), look in zip(series.items(), LINES):
        axes.plot(counts, [value(row) for row in rows], label=name, **look)
    if of == "sessions":
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    axes.set_xlabel(AXES[of])
    axes.set_title(label, fontsize=10)


def legend(figure, axes) -> None:
    """One for the whole picture, below it."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncols=len(names), frameon=False)


def at(*path: str):
    """The value at that path of a row."""

    def value(row: dict):
        for name in path:
            row = row[name]
        return row

    return value


def of_a_machine(folder: Path, rows: list[dict], of: str, what: str) -> None:
    """Latency, processor time and memory of the local server, side by side."""
    figure, (latency, processor, memory) = plt.subplots(1, 3)
    lines(latency, rows, of, {"p50": at("p50Ms"), "p99": at("p99Ms")}, f"{what} arrives, ms")
    lines(processor, rows, of, {"": at("processorMs")}, f"processor time for {what}, ms")
    lines(memory, rows, of, {"": at("memoryMiB")}, "resident memory of the server, MiB")
    legend(figure, latency)
    save(figure, folder / f"machine-by-{of}.svg")


def of_aws(folder: Path, rows: list[dict], of: str, steps: list[str]) -> None:
    """Units of DynamoDB and pushes, as they are charged."""
    figure, (written, read, pushes) = plt.subplots(1, 3)
    for axes, kind, label in [(written, "written", "write units"), (read, "read", "read units"), (pushes, "pushes", "pushes")]:
        lines(axes, rows, of, {step: at(step, kind) for step in steps}, label)
    legend(figure, written)
    save(figure, folder / f"aws-by-{of}.svg")


def save(figure, path: Path) -> None:
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main(folder: Path) -> None:
    plt.rcParams.update(STYLE)
    machine, units = (json.loads((folder / name).read_text()) for name in ("machine.json", "units.json"))
    of_a_machine(folder, machine["byPeople"], "people", "a chat message")
    of_a_machine(folder, machine["bySessions"], "sessions", "a signal")
    of_aws(folder, units["byPeople"], "people", ["join", "signal", "chat", "leave"])
    of_aws(folder, units["bySessions"], "sessions", ["signal", "chat", "list", "sweep"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
