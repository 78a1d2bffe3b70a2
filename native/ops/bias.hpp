// The gradient of a bias: sums over the lines of one panel, block by block of
// kRowBlock lines, blocks added in order.
#pragma once

#include "ops/update.hpp"

namespace descend {

// Adds the column sums of lines [r, end) of one panel: block by block, four
// blocks side by side to hide the latency.
template <class T>
inline void add_lines(const T* panel, long r, long end, Vec<T> (&total)[kPanelVecs<T>]) {
  constexpr int P = kPanel<T>, V = kPanelVecs<T>;
  for (; r + 4 * kRowBlock <= end; r += 4 * kRowBlock) {
    Vec<T> s[4][V] = {};
    for (long k = 0; k < kRowBlock; k++)
      for (int b = 0; b < 4; b++)
        for (int v = 0; v < V; v++) s[b][v] += load(panel + (r + b * kRowBlock + k) * P + v * kLanes<T>);
    for (int b = 0; b < 4; b++)
      for (int v = 0; v < V; v++) total[v] += s[b][v];
  }
  for (; r < end; r += kRowBlock) {
    Vec<T> s[V] = {};
    for (long k = r; k < std::min(end, r + kRowBlock); k++)
      for (int v = 0; v < V; v++) s[v] += load(panel + k * P + v * kLanes<T>);
    for (int v = 0; v < V; v++) total[v] += s[v];
  }
}

// The column sums of panel `o` of the gradient of an op's output, stored or added.
template <class T>
void sum_outputs(const Op<T>& op, const Pass<T>& pass, long o, T* to, bool added) {
  Vec<T> total[kPanelVecs<T>] = {};
  const long lines = pass.rows * op.out_positions, group = pass.arena->group * op.out_positions;
  for (long r = 0; r < lines; r += group)
    add_lines(op.out_gradient(pass, r) + o * pass.arena->stride(op.out_positions), r, std::min(lines, r + group),
              total);
  for (int v = 0; v < kPanelVecs<T>; v++) {
    T* at = to + v * kLanes<T>;
    store(at, added ? load(at) + total[v] : total[v]);
  }
}

// Panel `o` of the bias at `bias` of an op: its gradient is the sum over all
// lines of the output's, use by use where the layer stands in several places.
template <class T>
void update_bias(const Op<T>& op, const Pass<T>& pass, const Placement& bias, long o, Update<T>& update) {
  constexpr int P = kPanel<T>;
  alignas(64) T scratch[P];
  T* g = update.gradient(bias.offset + o * P, scratch);
  if (update.computes()) {
    sum_outputs(op, pass, o, g, false);
    for (const Op<T>* other : op.partners)
      if (other->spec.bias == op.spec.bias) sum_outputs(*other, pass, o, g, true);
  }
  update.commit(op.spec.bias, bias.offset + o * P, g, P);
}

}  // namespace descend
