"""Measures descend against its peers in one run and writes a report: `make bench`, or `python benchmarks/run.py`.

Options choose shapes, contestants and parts; `--quick` takes a minute and is good for a first look only.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import accuracy
import augmentation
import convolution
import estimators
import footprint
import inference
import machine
import monitor
import peers
import recurrent
import report
import sparse
import techniques
from shapes import SHAPES
from timing import alternate, medians

_PARTS = (
    "steps",
    "inference",
    "imports",
    "memory",
    "epochs",
    "one_core",
    "sparse",
    "recurrent",
    "techniques",
    "estimators",
    "monitor",
    "conv",
    "augmentation",
)
#: Parts that take long and are run only when they are named.
_LONG = ("accuracy",)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--contestants", nargs="+", choices=peers.names(), default=peers.names())
    parser.add_argument("--parts", nargs="+", choices=(*_PARTS, *_LONG), default=list(_PARTS))
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each time (default: 7)")
    parser.add_argument("--quick", action="store_true", help="2 rounds, small and tab only")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    if options.quick:
        options.rounds, options.shapes = 2, ["small", "tab"]
    if "descend" not in options.contestants:
        options.contestants.insert(0, "descend")
    return options


def _note(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _steps(shape_name: str, contestants: list[str], rounds: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Seconds per step of every contestant that is installed, and GFLOP/s of matrix products in the same rounds."""
    shape = SHAPES[shape_name]
    X, y = shape.data()
    calls = {}
    for name in contestants:
        try:
            calls[name] = peers.make(name, shape, X, y).epochs
        except ImportError as error:
            _note(f"{name} left out: {error}")
    products = {f"product of {library}": call for library, call in machine.products().items()}
    times = alternate({**calls, **products}, rounds=rounds)
    middle = medians(times)
    for name in calls:
        _note(f"  {shape_name:7s} {name:20s} {middle[name] / shape.steps * 1e6:10.1f} us per step")
    steps = {
        name: {"median": middle[name] / shape.steps, "rounds": [t / shape.steps for t in times[name]]} for name in calls
    }
    return steps, {name: machine.product_rate(middle[name]) for name in products}


def main(arguments: list[str] | None = None) -> None:
    options = _parse(arguments)
    results: dict[str, Any] = {"date": datetime.now(timezone.utc).date().isoformat(), "machine": machine.describe()}
    # Fresh interpreters first, while this one has not started the peers' thread pools.
    if "imports" in options.parts:
        results["imports"] = footprint.imports(options.rounds)
    for kind in ("memory", "one_core"):
        if kind in options.parts:
            _note(f"{kind} ...")
            results[kind] = {shape: footprint.run(kind, shape) for shape in options.shapes}
    if "epochs" in options.parts:
        _note("epochs ...")
        results["epochs"] = footprint.first_epochs(options.shapes, options.rounds)
    if "sparse" in options.parts:
        _note("sparse rows ...")
        results["sparse"] = sparse.measure(min(options.rounds, 5))
    if "recurrent" in options.parts:
        _note("recurrent layers ...")
        results["recurrent"] = recurrent.measure(options.rounds, _note)
    if "techniques" in options.parts:
        _note("techniques ...")
        results["techniques"] = techniques.measure(options.rounds, _note)
    if "estimators" in options.parts:
        _note("estimators ...")
        results["estimators"] = estimators.measure(options.rounds, _note)
    if "conv" in options.parts:
        _note("convolutions ...")
        results["conv"] = convolution.measure(options.rounds, _note)
    if "augmentation" in options.parts:
        _note("augmentation ...")
        results["augmentation"] = augmentation.measure(options.rounds, _note)
    if "accuracy" in options.parts:
        _note("accuracy on real data ...")
        results["accuracy"] = accuracy.measure(list(accuracy.TASKS), 3, _note)
    if "inference" in options.parts:
        _note("inference ...")
        results["inference"] = inference.measure(options.rounds, _note)
    if "monitor" in options.parts:
        _note("monitor ...")
        results["monitor"] = {shape: monitor.measure(shape, options.rounds, _note) for shape in options.shapes}
    if "steps" in options.parts:
        results["steps"], results["products"] = {}, {}
        for shape in options.shapes:
            steps, products = _steps(shape, options.contestants, options.rounds)
            results["steps"][shape], results["products"][shape] = steps, products
            report.write(results, options.out)
    report.write(results, options.out)
    print(report.markdown(results))
    _note(f"written to {options.out}")


if __name__ == "__main__":
    main()
