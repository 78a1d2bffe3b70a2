// Max-norm constraint: after an update every column of a weight matrix (the weights into one unit) that is longer than
// the matrix's max_norm is scaled back to that length.
#pragma once

#include "ops/update.hpp"

namespace descend {

// A panel of columns of one matrix: what a thread limits by itself, over all rows, once every update of it is done.
struct LimitedPanel {
  int parameter;
  long panel;
};

template <class T>
std::vector<LimitedPanel> limited_panels(const Program<T>& program);

// Limits the columns of one panel and brings what depends on its weights up to date: Nesterov's look-ahead point
// w - momentum v, the weights' average, which took them in with the factor `taken`, and the transpose.
template <class T>
void limit_columns(const Program<T>& program, const Parameters<T>& parameters, T momentum, T taken,
                   LimitedPanel limited);

}  // namespace descend
