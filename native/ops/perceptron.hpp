// Rosenblatt's rule over one epoch: rows one after the other, the weights changed at every mistake. It is online and so
// has no batches, no gradient and no place in a plan.
#pragma once

#include <cstdint>

namespace descend {

// X: (rows, features) in C order; y: (rows,) of 0 and 1; w: (features,) and b: one number or null, changed in place;
// order: (count,) rows to present. Returns the number of mistakes. A row is predicted as 1 when x . w + b >= 0.
long perceptron_epoch(const double* X, const double* y, double* w, double* b, double eta, const uint32_t* order,
                      long count, long features);

}  // namespace descend
