"""Writes what was measured: results.json (everything), steps.csv, results.md (for people) and steps.png."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import accuracy
import augmentation
import convolution
import estimators
import floor
import monitor
import recurrent
import sparse
import techniques
from shapes import SHAPES


def write(results: dict[str, Any], folder: Path) -> None:
    """`results` as `run.py` collects them; missing parts are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    _write_csv(results, folder / "steps.csv")
    (folder / "results.md").write_text(markdown(results))
    if results.get("steps"):
        _draw(results, folder / "steps.png")


def step_seconds(results: dict[str, Any], shape: str) -> dict[str, float]:
    """Median seconds of one training step by contestant."""
    return {name: entry["median"] for name, entry in results["steps"][shape].items()}


def best(results: dict[str, Any], shape: str) -> float:
    """Our seconds per step, threads chosen by the library."""
    return step_seconds(results, shape)["descend"]


def _write_csv(results: dict[str, Any], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["shape", "contestant", "median_us_per_step", "fastest_us", "slowest_us", "times_descend"])
        for shape, entries in results.get("steps", {}).items():
            ours = best(results, shape)
            for name, entry in entries.items():
                numbers = [entry["median"] * 1e6, min(entry["rounds"]) * 1e6, max(entry["rounds"]) * 1e6]
                writer.writerow([shape, name, *(f"{n:.2f}" for n in numbers), f"{entry['median'] / ours:.3f}"])


def markdown(results: dict[str, Any]) -> str:
    """The tables a person reads."""
    machine = results["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    lines = [
        "# Benchmark results",
        "",
        f"{results['date']}; {machine['processor']}, {machine['cores']} cores, engine: {machine['instruction set']}; "
        f"Python {machine['python']}; {libraries}.",
        "",
    ]
    for part in (
        _steps,
        _inference,
        _imports,
        _memory,
        _first_epoch,
        _one_core,
        _sparse,
        _recurrent,
        _techniques,
        _estimators,
        _monitor,
        _conv,
        _augmentation,
        _accuracy,
    ):
        lines += part(results)
    return "\n".join(lines)


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)] + [""]


def _steps(results: dict[str, Any]) -> list[str]:
    if not results.get("steps"):
        return []
    contestants = list(dict.fromkeys(name for entries in results["steps"].values() for name in entries))
    rows = []
    for shape in results["steps"]:
        seconds, ours = step_seconds(results, shape), best(results, shape)
        cells = []
        for name in contestants:
            ratio = "" if name.startswith("descend") else f" ({seconds.get(name, 0) / ours:.1f}x)"
            cells.append(f"{seconds[name] * 1e6:,.0f}{ratio}" if name in seconds else "-")
        rate = SHAPES[shape].step_flops / ours / 1e9
        peak = max(results["products"][shape].values())
        rows.append(
            [f"{shape}: {SHAPES[shape].describe()}", *cells, f"{rate:.0f}", f"{peak:.0f}", f"{100 * rate / peak:.0f}%"]
        )
    header = ["shape", *contestants, "our GFLOP/s", "peak", "of peak"]
    return [
        "## Microseconds per training step (median; in brackets: times our time)",
        "",
        "Batch norm, ReLU and dropout 0.1 after each hidden layer, Adam, float32; scikit-learn has neither batch norm "
        "nor dropout. All contestants took turns in one run. Peak: GFLOP/s of the faster of NumPy's and PyTorch's "
        "product of two 1024 x 1024 float32 matrices in the same rounds.",
        "",
        *_table(header, rows),
    ]


def _inference(results: dict[str, Any]) -> list[str]:
    found = results.get("inference")
    if not found:
        return []
    names = list(next(iter(found.values())))
    rows = [[label, *(f"{times[name] * 1e6:,.1f}" for name in names)] for label, times in found.items()]
    return ["## Microseconds to predict with 32-128-128-10", "", *_table(["rows", *names], rows)]


def _imports(results: dict[str, Any]) -> list[str]:
    found = results.get("imports")
    if not found:
        return []
    return ["## Seconds to import", "", *_table(list(found), [[f"{seconds:.3f}" for seconds in found.values()]])]


def _memory(results: dict[str, Any]) -> list[str]:
    found = results.get("memory")
    if not found:
        return []
    rows = [[name, *(f"{entry[key] / 1e6:.1f}" for key in ("data", "peak", "budget"))] for name, entry in found.items()]
    return [
        "## Peak memory of training (MB above the interpreter; budget: data + 6 x parameters + one batch)",
        "",
        *_table(["shape", "data", "peak", "budget"], rows),
    ]


def _first_epoch(results: dict[str, Any]) -> list[str]:
    found = results.get("epochs")
    if not found:
        return []
    rows = [[name, *(f"{seconds * 1e3:.1f}" for seconds in epochs)] for name, epochs in found.items()]
    title = "## Milliseconds of the first five epochs of a new network (medians over fresh interpreters)"
    return [title, "", *_table(["shape", *"12345"], rows)]


def _one_core(results: dict[str, Any]) -> list[str]:
    found = results.get("one_core")
    if not found:
        return []
    rows = [[name, *(f"{seconds * 1e3:.1f}" for seconds in entry.values())] for name, entry in found.items()]
    title = "## Milliseconds per epoch when all threads share one core"
    return [title, "", *_table(["shape", "1 thread", "2 threads"], rows)]


def _sparse(results: dict[str, Any]) -> list[str]:
    found = results.get("sparse")
    if not found:
        return []
    ours, rows = found["descend"], []
    for name, entry in found.items():
        seconds, memory = entry["median"], entry["memory"]
        rows.append(
            [
                name,
                f"{seconds * 1e3:,.0f} ({seconds / ours['median']:.1f}x)",
                f"{memory / 1e6:.0f} ({memory / ours['memory']:.1f}x)",
                f"{entry['loss']:.4f}",
            ]
        )
    header = ["contestant", "milliseconds per epoch", "peak memory, MB above the interpreter", "last loss"]
    return ["## Sparse rows", "", f"{sparse.DESCRIPTION}; fresh interpreters in turns.", "", *_table(header, rows)]


def _recurrent(results: dict[str, Any]) -> list[str]:
    found = results.get("recurrent")
    if not found:
        return []
    names = list(next(iter(found.values())))
    rows = []
    for layer, times in found.items():
        cells = [f"{seconds * 1e6:,.0f} ({seconds / times['descend']:.1f}x)" for seconds in times.values()]
        rows.append([layer, *cells])
    text = f"{recurrent.DESCRIPTION}; microseconds per step, medians."
    return ["## Recurrent layers", "", text, "", *_table(["layer", *names], rows)]


def _augmentation(results: dict[str, Any]) -> list[str]:
    found = results.get("augmentation")
    return ["## Augmentation", "", *augmentation.markdown(found), ""] if found else []


def _techniques(results: dict[str, Any]) -> list[str]:
    found = results.get("techniques")
    return ["## Regularization techniques", "", *techniques.markdown(found), ""] if found else []


def _estimators(results: dict[str, Any]) -> list[str]:
    found = results.get("estimators")
    if not found:
        return []
    rows = []
    for name, entry in found["epochs"].items():
        learnt, cells = entry["learnt"], [f"{name}: {entry['shape']}"]
        for seconds in entry["seconds"].values():
            cells += [f"{seconds['descend']:.3f}", f"{seconds['scikit-learn']:.3f} ({estimators.ratio(seconds):.1f}x)"]
        for what in ("loss", "score"):
            for contestant in ("descend", "scikit-learn"):
                values = learnt[contestant][what]
                cells.append(f"{fmean(values):.4f} ± {pstdev(values):.4f}")
        rows.append(cells)
    both = ("descend", "scikit-learn")
    columns = ("float64", "float32", "loss", "score")
    header = ["training rows", *(f"{what}, {name}" for what in columns for name in both)]
    one = found["one row"]
    lines = [f"One row of digits through `predict_proba`: {_times(one, 1e6, 'us')}."]
    if "search" in found:
        search = found["search"]
        best = " and ".join(f"{search['best score'][name]:.4f}" for name in both)
        lines.append(f"{estimators.SEARCH}: {_times(search['seconds'], 1, 's')}; best scores {best}.")
    start = ["## Estimators: seconds of a fit", "", estimators.DESCRIPTION, ""]
    return [*start, *_table(header, rows), *lines, "", *_floor(found)]


def _floor(found: dict[str, Any]) -> list[str]:
    """What every fit, and the search, takes at the least, and how many times that is scikit-learn's time and ours."""
    rows = []
    for name, entry in found["epochs"].items():
        for dtype in floor.DTYPES:
            rows.append(_floor_row(f"{name}, {dtype}", entry["seconds"][dtype], entry["flops"], entry["rates"][dtype]))
    if "search" in found:
        search = found["search"]
        rows.append(_floor_row("search, float64", search["seconds"], search["flops"], search["rates"]))
    header = ["fit", "GFLOP", "peak of one core, of all, GFLOP/s", "products on one core, on all, ms"]
    header += ["times faster than scikit-learn at most, on one core, on all", "reached", "of the floor"]
    text = (
        "The products of a fit alone, everything else free, at the rate of NumPy's product of two 1024 x 1024 matrices "
        "of the same precision in the same rounds."
    )
    return ["### The floor", "", text, "", *_table(header, rows)]


def _floor_row(name: str, seconds: dict[str, float], flops: float, rates: dict[str, float]) -> list[str]:
    one, everywhere = (flops / rates[which] for which in ("one core", "all cores"))
    ours, theirs = seconds["descend"], seconds["scikit-learn"]
    return [
        name,
        f"{flops / 1e9:.2f}",
        f"{rates['one core'] / 1e9:.0f}, {rates['all cores'] / 1e9:.0f}",
        f"{one * 1e3:.1f}, {everywhere * 1e3:.1f}",
        f"{theirs / one:.1f}x, {theirs / everywhere:.1f}x",
        f"{theirs / ours:.1f}x",
        f"{100 * everywhere / ours:.0f}%",
    ]


def _monitor(results: dict[str, Any]) -> list[str]:
    found = results.get("monitor")
    if not found:
        return []
    rows = [
        [
            name,
            *(f"{ratio:.4f}" for ratio in (entry["ratio"]["default"], entry["ratio"]["every epoch"], entry["control"])),
        ]
        + [str(entry[key]) for key in ("apart", "steps")]
        for name, entry in found.items()
    ]
    header = [
        "shape",
        "default",
        "once per epoch",
        "control",
        "updates between measurements (default)",
        "updates per epoch",
    ]
    return ["## Training with a monitor: times the time without", "", monitor.DESCRIPTION, "", *_table(header, rows)]


def _accuracy(results: dict[str, Any]) -> list[str]:
    found = results.get("accuracy")
    if not found:
        return []
    rows = [accuracy.line(name, task) for name, task in found.items()]
    return ["## Accuracy on real data", "", *_table(accuracy.HEADS, rows)]


def _conv(results: dict[str, Any]) -> list[str]:
    found = results.get("conv")
    if not found:
        return []
    lines = ["## Convolutions", ""]
    if found["products"]:
        peak = found["products"]["peak"]
        rows = [
            [layer, *(f"{rate:.0f} ({100 * rate / peak:.0f}%)" for rate in rates)]
            for layer, rates in found["products"]["rates"].items()
        ]
        lines += [
            "GFLOP/s of a 3 x 3 convolution's products on one thread, and their share of NumPy's product of two "
            f"1024 x 1024 float32 matrices ({peak:.0f}). A panel has 16 channels: 24 fill 75%, 40 fill 83%.",
            "",
            *_table(["height x width x channels -> filters", *convolution.PRODUCTS], rows),
        ]
    names = list(next(iter(found["steps"].values())))
    rows = []
    for batch, times in found["steps"].items():
        ours = times["descend"]
        ratios = ("" if name.startswith("descend") else f" ({times[name] / ours:.1f}x)" for name in names)
        rows.append([batch, *(f"{times[name] * 1e3:.2f}{ratio}" for name, ratio in zip(names, ratios, strict=True))])
    return [*lines, f"Milliseconds per training step: {convolution.DESCRIPTION}.", "", *_table(["batch", *names], rows)]


def _times(seconds: dict[str, float], factor: float, unit: str) -> str:
    ours, theirs = (seconds[name] * factor for name in ("descend", "scikit-learn"))
    return f"descend {ours:.2f} {unit}, scikit-learn {theirs:.2f} {unit} ({estimators.ratio(seconds):.1f}x)"


def _draw(results: dict[str, Any], path: Path) -> None:
    """Horizontal bars per shape, each with its time and, for the peers, its ratio to ours."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from descend.plots.style import INK, MUTED, color

    shapes = list(results["steps"])
    rows = -(-len(shapes) // 2)
    height = 0.9 + 0.3 * max(len(entries) for entries in results["steps"].values())
    fig, grid = plt.subplots(rows, 2, figsize=(11, rows * height), layout="constrained", squeeze=False)
    for ax in grid.ravel()[len(shapes) :]:
        ax.set_visible(False)
    for ax, shape in zip(grid.ravel(), shapes, strict=False):
        seconds, ours = step_seconds(results, shape), best(results, shape)
        names = list(seconds)
        values = [seconds[name] * 1e6 for name in names]
        colors = [color(0) if name.startswith("descend") else "#BBBBBB" for name in names]
        ax.barh(range(len(names)), values, color=colors)
        for i, (name, value) in enumerate(zip(names, values, strict=True)):
            ratio = "" if name.startswith("descend") else f"  ({value / (ours * 1e6):.1f}x)"
            ax.annotate(f"  {value:,.0f} µs{ratio}", (value, i), va="center", color=INK, fontsize="small")
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        ax.set_xlim(0, 1.4 * max(values))
        ax.set_title(f"{shape}: {SHAPES[shape].describe()}", fontsize="medium", loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="x", colors=MUTED)
    label = "microseconds per training step (shorter is better; in brackets: times our time)"
    fig.supxlabel(label, color=INK, fontsize="medium")
    fig.savefig(path, dpi=120)
    plt.close(fig)
