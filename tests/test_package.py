"""The package as a whole: importing it is cheap, what the README says runs, examples run, layers keep their order."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
README_BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

#: Libraries that must not load before they are needed.
HEAVY = ("sklearn", "matplotlib", "polars", "rich", "scipy", "typer", "pandas")


def python(*arguments: str, cwd: Path | None = None) -> str:
    """Standard output of a fresh interpreter in which warnings are errors."""
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)[:200]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def loaded_by(statement: str) -> set[str]:
    """Which of the heavy libraries a statement loads."""
    code = f"import sys; {statement}; print(*(name for name in {HEAVY} if name in sys.modules))"
    return set(python("-c", code).split())


def test_importing_takes_less_than_a_fifth_of_a_second():
    code = "import numpy, time; t = time.perf_counter(); import descend; print(time.perf_counter() - t)"
    assert min(float(python("-c", code)) for _ in range(5)) < 0.2


@pytest.mark.parametrize("statement", ["import descend", "from descend import Network, layers, optimizers, schedules"])
def test_importing_loads_nothing_heavy(statement):
    assert loaded_by(statement) == set()


def test_training_loads_nothing_heavy():
    lines = (
        "import numpy as np; from descend import Network, layers; "
        "Network([layers.Dense(1)]).fit(np.eye(4), np.arange(4.0), epochs=1, verbose=0)"
    )
    assert loaded_by(lines) == set()


def test_plots_load_matplotlib_only_when_drawing():
    assert loaded_by("from descend import plots; plots.learning_curves") == set()


def test_version():
    import descend

    assert descend.__version__ == version("descend")
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in changelog or f"## [{descend.__version__}]" in changelog


def test_every_public_name_exists():
    import descend

    for name in descend.__all__:
        assert getattr(descend, name) is not None
    assert set(descend.__all__) <= set(dir(descend))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        descend.nonsense  # noqa: B018


@pytest.mark.parametrize("number", range(len(README_BLOCKS)))
def test_readme(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(README_BLOCKS[number], f"README.md, block {number + 1}", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path):
    assert python(str(path), cwd=tmp_path)


def test_links_in_the_documents_lead_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_imports_point_only_to_lower_layers():
    pytest.importorskip("importlinter")
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    python("-c", code, cwd=ROOT)


def test_functions_are_registered_for_one_class_each():
    """Python 3.10 does not take a union as the annotation by which `register` knows its class."""
    unions = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Attribute) and d.attr == "register" for d in node.decorator_list)
        and isinstance(node.args.args[0].annotation, ast.BinOp)
    ]
    assert unions == []
