"""What the data should look like before they are trained on."""

from __future__ import annotations

from descend.training.diagnosis.evidence import setup_of
from descend.training.diagnosis.finding import Finding
from descend.training.history import History

#: Root mean square of an input column that initial weights are made for: 1 (LeCun, Bottou, Orr and Muller, Efficient
#: BackProp, 1998). Standardized, one-hot and 0-to-1 columns lie at 1 or below; measured quantities often beyond 10.
LARGE_INPUT = 10.0
#: And when even the largest column is this small, the first layer hardly sees it.
SMALL_INPUT = 0.02
#: Root mean square of a regression's target; standardized ones lie at 1.
LARGE_TARGET = 10.0
#: Rows of the rarest class over those it would have if all were equally frequent; a tenth makes 5% of two classes, the
#: lower part of what is commonly called moderate imbalance.
RARE = 0.1

_NORMALIZING = ("BatchNorm", "ColumnMap", "Embedding", "LayerNorm")
#: What may stand before those without changing the scale of anything.
_PASSING = ("Dropout", "GaussianNoise", "Mix", "Pool", "Reshape", "SwapNoise")


def unscaled_inputs(history: History) -> list[Finding]:
    """Input columns far from the scale that initial weights are made for, with no normalization first."""
    setup = setup_of(history)
    middle, largest, column = setup.input_rms
    kinds = [kind for _, kind, _ in setup.layers]
    if next((kind for kind in kinds if kind not in _PASSING), None) in _NORMALIZING:
        return []
    if SMALL_INPUT <= largest <= LARGE_INPUT or largest == 0:
        return []
    evidence = {"largest": largest, "median": middle, "column": float(column)}
    evidence["threshold"] = LARGE_INPUT if largest > LARGE_INPUT else SMALL_INPUT
    what = f"the features are of size {middle:.3g}, column {column} of size {largest:.3g}"
    cure = "standardize the features (sklearn.preprocessing.StandardScaler), or begin with layers.BatchNorm()"
    if {"Convolution", "Depthwise"} & set(kinds):
        what = f"the inputs are of size {middle:.3g}, the largest of size {largest:.3g}"
        cure = "divide pixels from 0 to 255 by 255, or begin with layers.BatchNorm()"
    message = f"{what} (root mean square), but the initial weights are made for size 1"
    return [Finding("unscaled_inputs", "warning", message, cure, None, evidence)]


def unscaled_target(history: History) -> list[Finding]:
    """A regression's target far from the scale of the initial outputs."""
    size = setup_of(history).target_rms
    if size is None or size <= LARGE_TARGET:
        return []
    message = f"the target is of size {size:.3g} (root mean square), but the first outputs of the network of size 1"
    cure = "standardize the target (sklearn.compose.TransformedTargetRegressor), and the outputs back"
    return [Finding("unscaled_target", "warning", message, cure, None, {"size": size, "threshold": LARGE_TARGET})]


def label_imbalance(history: History) -> list[Finding]:
    """A class with very few rows, and no weights that would make up for it."""
    setup = setup_of(history)
    counts = [count for count in setup.class_rows if count > 0]
    if len(counts) < 2 or setup.weighted:
        return []
    total, rarest = sum(counts), min(counts)
    share = rarest / total
    if share >= RARE / len(counts):
        return []
    number = setup.class_rows.index(rarest)
    message = (
        f"class {number} has {rarest:,.0f} of {total:,.0f} training rows ({share:.1%}), and no weights make up for it"
    )
    cure = "pass class_weight='balanced', and judge by balanced accuracy or the area under the ROC curve"
    evidence = {"class": float(number), "rows": rarest, "share": share, "threshold": RARE / len(counts)}
    return [Finding("label_imbalance", "note", message, cure, None, evidence)]
