#include "ops/perceptron.hpp"

#include "ops/row_tools.hpp"

namespace descend {

namespace {

// x . w in lanes, whatever the vector width; the tail one by one.
double dot(const double* x, const double* w, long n) {
  LaneSums<double> sums;
  const long whole = n / kPanel<double> * kPanel<double>;
  for (long i = 0; i < whole; i += kLanes<double>) sums.add(i, load_unaligned(x + i) * load_unaligned(w + i));
  double total = sums.total();
  for (long i = whole; i < n; i++) total += x[i] * w[i];
  return total;
}

}  // namespace

long perceptron_epoch(const double* X, const double* y, double* w, double* b, double eta, const uint32_t* order,
                      long count, long features) {
  long mistakes = 0;
  for (long k = 0; k < count; k++) {
    const long row = order[k];
    const double* x = X + row * features;
    const bool fires = dot(x, w, features) + (b ? *b : 0) >= 0;
    if (fires == (y[row] > 0)) continue;
    const double step = fires ? -eta : eta;
    for (long i = 0; i < features; i++) w[i] += step * x[i];
    if (b) *b += step;
    mistakes++;
  }
  return mistakes;
}

}  // namespace descend
