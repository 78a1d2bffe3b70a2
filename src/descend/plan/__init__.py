"""Plans: lowered networks as plain data, with their validator and printed form."""

from descend.plan import augmenting as _augmenting  # noqa: F401 - likewise
from descend.plan import columns as _columns  # noqa: F401 - registers its layers and ops
from descend.plan import convolution as _convolution  # noqa: F401 - likewise
from descend.plan import ops
from descend.plan.adapting import adaptive_ops
from descend.plan.beginning import augmenting_part
from descend.plan.lowering import (
    check_input_shape,
    complete_initializers,
    expand,
    lower,
    lower_layer,
    name_layers,
    walk,
)
from descend.plan.pairing import attach_loss, final_function, groups_of
from descend.plan.parameters import flatten, initial_parameters, named
from descend.plan.plan import Parameter, Plan, Value
from descend.plan.printing import format_plan, parameters_of
from descend.plan.recurrent import ByGate
from descend.plan.validator import PlanError, validate

__all__ = [
    "ByGate",
    "Parameter",
    "Plan",
    "PlanError",
    "Value",
    "adaptive_ops",
    "attach_loss",
    "augmenting_part",
    "check_input_shape",
    "complete_initializers",
    "expand",
    "final_function",
    "flatten",
    "format_plan",
    "groups_of",
    "initial_parameters",
    "lower",
    "lower_layer",
    "name_layers",
    "named",
    "ops",
    "parameters_of",
    "validate",
    "walk",
]
