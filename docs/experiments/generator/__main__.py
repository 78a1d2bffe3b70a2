"""`make experiments`: run all experiments and write docs/experiments."""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import numpy as np

from descend import experiments
from descend.experiments import Outcome
from generator import effects, pages, real
from generator.techniques import TECHNIQUES

HERE = Path(__file__).resolve().parent.parent


def main() -> None:
    """Parse the command line and write everything."""
    parser = argparse.ArgumentParser(prog="make experiments", description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--seeds", type=int, help="instead of each experiment's own number")
    parser.add_argument("--reuse", action="store_true", help="take measurements of an earlier run where there are any")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="run these experiments; other pages and lines stay as they are"
    )
    parser.add_argument("--effort", type=float, default=1.0, help="share of the epochs or steps, to try this out")
    options = parser.parse_args()
    pictures = options.out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    outcomes: dict[str, Outcome] = {}
    for name in options.only or experiments.names():
        began = time.perf_counter()
        outcomes[name] = outcome_of(name, options)
        (pictures / f"{name}.png").write_bytes(picture(outcomes[name]))
        print(f"{name}: {outcomes[name].verdict.word} ({time.perf_counter() - began:.1f} s)", flush=True)
    index = options.out / "README.md"
    kept = pages.index_rows(index.read_text(encoding="utf-8")) if options.only and index.exists() else {}
    for technique in TECHNIQUES:
        if not outcomes.keys() >= set(technique.experiments):
            continue
        write(options.out / f"{technique.name}.md", pages.technique_page(technique, outcomes))
    if absent := real.missing():
        print(f"effects.md is left as it is: {', '.join(absent)} not found in {real.folder()} (set DESCEND_DATASETS)")
    else:
        table = options.out / "effects.md"
        earlier = effects.rows_of(table.read_text(encoding="utf-8")) if options.only and table.exists() else {}
        epochs = max(1, round(effects.EPOCHS * options.effort))
        write(table, effects.page(effects.measure(options.seeds or effects.SEEDS, epochs, options.only), earlier))
    rows = kept | pages.claim_rows(TECHNIQUES, outcomes)
    ordered = [rows[name] for name in experiments.names() if name in rows]
    write(index, pages.index_page(TECHNIQUES, ordered, (options.out / "effects.md").exists()))


def outcome_of(name: str, options: argparse.Namespace) -> Outcome:
    """Run an experiment and keep its measurements, or take those that were kept; the verdict is always computed."""
    kept = real.ROOT / "build" / "experiments" / f"{name}.npz"
    experiment = experiments.get(name)
    if options.reuse and kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            measurements = dict(arrays)
        return Outcome(experiment, measurements, experiment.judge(measurements), options.effort)
    outcome = experiment.run(seeds=options.seeds, effort=options.effort)
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(kept, allow_pickle=False, **dict(outcome.measurements))
    return outcome


def picture(outcome: Outcome) -> bytes:
    """The picture as PNG with a palette of 128 colours, which is a third of the size and looks the same."""
    from PIL import Image

    drawn, packed = io.BytesIO(), io.BytesIO()
    outcome.plot().savefig(drawn, dpi=100)
    image = Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    image.save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def write(path: Path, text: str) -> None:
    """Write a page with one newline at its end."""
    path.write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
