// What follows from which op of a plan reads which value. No op is made here, and no number touched.
#pragma once

#include <vector>

#include "runtime/spec.hpp"

namespace descend {

// How often a value is read, by ops and by the loss.
int readers(const PlanSpec& plan, int value);

// Of each value, whether `last` is it or depends on it.
std::vector<bool> values_for(const PlanSpec& plan, int last);

// The plan with a fork for every reader but the first of a value that is read several times on the way to the loss. The
// plan's input needs none: nobody wants its gradient.
PlanSpec with_forks(PlanSpec plan);

// The plan with neighbours as one op where the value between them need not exist: a ReLU and the dropout after it;
// batch norm, a ReLU and the dropout after that, if any (norm_relu); batch norm, a ReLU or none, and a maximum over
// windows of 2 x 2 pixels side by side (norm_pool).
PlanSpec with_fused_ops(PlanSpec plan);

}  // namespace descend
