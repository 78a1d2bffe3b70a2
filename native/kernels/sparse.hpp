// Products with sparse rows, on dense panels: only entries are touched, one vector of outputs at a time. As in
// product.hpp each element is a chain of fused multiply-adds over a constant number of terms, blocks added in order;
// the terms here are entries, in increasing order of columns (rows). Zeros are no terms, so the bits differ from those
// of the dense products.
#pragma once

#include "kernels/panels.hpp"

namespace descend {

// Entries ahead for which the rows of the weights are asked for: they lie anywhere in memory.
inline constexpr long kEntriesAhead = 8;

template <class T, int N>
[[gnu::always_inline]] inline void ask_for_weights(const T* row, long stride) {
  for (int n = 0; n < N; n++) __builtin_prefetch(row + n * stride);
}

// acc[n, v] += x * row of N panels, `stride` apart.
template <class T, int N>
[[gnu::always_inline]] inline void add_scaled(Vec<T> (&acc)[N * kPanelVecs<T>], T x, const T* row, long stride) {
  constexpr int V = kPanelVecs<T>;
  const Vec<T> factor = splat<T>(x);
  for (int n = 0; n < N; n++)
    for (int v = 0; v < V; v++) acc[n * V + v] = fma<T>(factor, load(row + n * stride + v * kLanes<T>), acc[n * V + v]);
}

// Adds the accumulators of a block of terms to N panels of a row at `to`, or stores them when it is the first block.
template <class T, int N>
[[gnu::always_inline]] inline void add_terms(const Vec<T> (&acc)[N * kPanelVecs<T>], T* to, long stride, bool first) {
  constexpr int V = kPanelVecs<T>;
  for (int n = 0; n < N; n++)
    for (int v = 0; v < V; v++) {
      T* at = to + n * stride + v * kLanes<T>;
      store(at, first ? acc[n * V + v] : load(at) + acc[n * V + v]);
    }
}

// N panels of one row of C = A B + bias. columns, values: the `count` entries of the row of A; b: B's first panel;
// bias: (N panels) or null; c: the row in C's first panel.
template <class T, int N>
void sparse_product_row(const int32_t* columns, const T* values, long count, const T* b, long b_stride, const T* bias,
                        T* c, long c_stride) {
  constexpr int P = kPanel<T>, V = kPanelVecs<T>;
  for (long k = 0; k == 0 || k < count; k += kTermBlock) {
    Vec<T> acc[N * V];
    for (int n = 0; n < N; n++)
      for (int v = 0; v < V; v++) acc[n * V + v] = bias && k == 0 ? load(bias + n * P + v * kLanes<T>) : Vec<T>{};
    const long end = std::min(count, k + kTermBlock);
    for (long e = k; e < end; e++) {
      if (e + kEntriesAhead < count)
        ask_for_weights<T, N>(b + static_cast<long>(columns[e + kEntriesAhead]) * P, b_stride);
      add_scaled<T, N>(acc, values[e], b + static_cast<long>(columns[e]) * P, b_stride);
    }
    add_terms<T, N>(acc, c, c_stride, k == 0);
  }
}

// N panels of one row of C = A^T B: the sum over the entries [e, end) of one column of A, in row order. row(r): row r
// of B's first panel; c: the row in C's first panel, which the first block overwrites unless the sum is to be `added`.
template <class T, int N, class Entry, class Row>
[[gnu::always_inline]] inline void sparse_outer_row(const Entry* e, const Entry* end, Row&& row, long b_stride, T* c,
                                                    long c_stride, bool added) {
  bool first = !added;
  do {
    Vec<T> acc[N * kPanelVecs<T>] = {};
    for (const Entry* last = end - e > kRowTermBlock ? e + kRowTermBlock : end; e < last; e++)
      add_scaled<T, N>(acc, e->value, row(e->row), b_stride);
    add_terms<T, N>(acc, c, c_stride, first);
    first = false;
  } while (e < end);
}

}  // namespace descend
