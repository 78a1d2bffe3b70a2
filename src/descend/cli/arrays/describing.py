"""What is printed about images, sequences and texts."""

from __future__ import annotations

from rich.markup import escape

from descend import Network
from descend.cli import show
from descend.cli.arrays.preparing import PreparedArrays
from descend.cli.arrays.recipe import ArrayRecipe
from descend.data.array_encoding import ArrayEncoder
from descend.wording import counted


def preparation(prepared: PreparedArrays, recipe: ArrayRecipe, network: Network) -> None:
    """Say what was found and how it will be trained on."""
    out = show.console()
    examples, split = prepared.examples, prepared.split
    out.print(f"[bold]{escape(examples.path.resolve().name)}[/]: {len(examples):,} {describe_shape(prepared.encoder)}")
    out.print(f"Task: {escape(prepared.task.reason)}.")
    show.say_notes(prepared.notes)
    out.print(
        f"Rows: {len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test."
    )
    weights = sum(array.size for array in network.get_weights().values())
    out.print(
        f"Network: {recipe.network} with {counted(weights, 'weight')}, dropout {recipe.dropout:g}; AdamW, learning "
        f"rate {recipe.learning_rate:g}, weight decay {recipe.weight_decay:.3g}, batches of {recipe.batch_size}, "
        f"{counted(recipe.epochs, 'epoch')} at most."
    )
    if recipe.augment:
        out.print(f"Augmentation, anew in every epoch: {', '.join(recipe.augment)}.")


def describe_shape(encoder: ArrayEncoder) -> str:
    """What the rows are, in a few words."""
    if encoder.form == "image":
        height, width, channels = encoder.shape
        colour = {1: "grey", 3: "RGB"}.get(channels, f"{channels}-channel")
        return f"{colour} images of {height} x {width} pixels"
    most = "at most " if encoder.variable else ""
    if encoder.form == "text":
        return f"texts of {most}{counted(encoder.shape[0], 'token')} out of {encoder.vocabulary:,}"
    steps, features = encoder.shape
    return f"sequences of {most}{counted(steps, 'step')}, {counted(features, 'number')} each"
