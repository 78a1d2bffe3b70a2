// The descriptions of plans and optimizers that come from Python.
#pragma once

#include <nanobind/nanobind.h>

#include "runtime/spec.hpp"

namespace descend {

PlanSpec plan_spec(const nanobind::dict& description);
OptimizerSpec optimizer_spec(const nanobind::dict& description);

}  // namespace descend
