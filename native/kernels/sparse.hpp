// Products with sparse rows, on dense panels: only entries are touched, one vector of outputs at a time. As in
// product.hpp each element is a chain of fused multiply-adds over a constant number of terms, blocks added in order;
// the terms here are entries, in increasing order of columns (rows). Zeros are no terms, so the bits differ from those
// of the dense products.
#pragma once

#include "kernels/operands.hpp"

namespace descend {

// Entries ahead for which the rows of the weights are asked for: they lie anywhere in memory.
inline constexpr long kEntriesAhead = 8;

template <class T, int N>
[[gnu::always_inline]] inline void ask_for_weights(const T* row, long stride) {
  for (int n = 0; n < N; n++) __builtin_prefetch(row + n * stride);
}

// acc[n, v] += x * row k of N panels.
template <class T, int N, class B>
[[gnu::always_inline]] inline void add_scaled(Vec<T> (&acc)[N * kPanelVecs<T>], T x, const B& b, long k) {
  constexpr int V = kPanelVecs<T>;
  const Vec<T> factor = splat<T>(B::factor(x));
  for (int n = 0; n < N; n++)
    for (int v = 0; v < V; v++) acc[n * V + v] = fma<T>(factor, b.vector(n, k, v), acc[n * V + v]);
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

// N panels of one row of C = A B + bias. columns, values: the `count` entries of the row of A; b: an operand, from its
// first panel on; bias: (N panels) or null; c: the row in C's first panel.
template <class T, int N, class B>
void sparse_product_row(const int32_t* columns, const T* values, long count, const B& b, const T* bias, T* c,
                        long c_stride) {
  constexpr int P = kPanel<T>, V = kPanelVecs<T>;
  const auto start = [&](int i) { return bias ? load(bias + i * kLanes<T>) : Vec<T>{}; };
  for (long k = 0; k == 0 || k < count; k += kTermBlock) {
    Vec<T> acc[N * V];
    for (int i = 0; i < N * V; i++) acc[i] = !B::kFactor && k == 0 ? start(i) : Vec<T>{};
    const long end = std::min(count, k + kTermBlock);
    for (long e = k; e < end; e++) {
      if (e + kEntriesAhead < count)
        ask_for_weights<T, N>(b.data + static_cast<long>(columns[e + kEntriesAhead]) * P, b.stride);
      add_scaled<T, N>(acc, values[e], b, static_cast<long>(columns[e]));
    }
    add_terms<T, N>(acc, c, c_stride, k == 0);
  }
  if constexpr (B::kFactor)
    for (int n = 0; n < N; n++)
      for (int v = 0; v < V; v++) {
        T* const at = c + n * c_stride + v * kLanes<T>;
        store(at, fma<T>(load(at), splat(b.product_factor), start(n * V + v)));
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
      add_scaled<T, N>(acc, e->value, Plain<T>{row(e->row), b_stride}, 0);
    add_terms<T, N>(acc, c, c_stride, first);
    first = false;
  } while (e < end);
}

}  // namespace descend
