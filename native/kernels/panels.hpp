// The layout of every matrix in the engine: panels of one cache line of columns. Element (r, c) of a matrix with
// `stride` numbers per panel lies at panel[c / P] + r * P + c % P, so no product ever packs anything, an elementwise
// op on a panel is one contiguous loop, and no power-of-two row length thrashes a cache set.
#pragma once

#include <algorithm>
#include <utility>

#include "kernels/vec.hpp"

namespace descend {

template <class T>
inline constexpr long panels(long columns) {
  return (columns + kPanel<T> - 1) / kPanel<T>;
}

template <class T>
inline constexpr long padded(long columns) {
  return panels<T>(columns) * kPanel<T>;
}

// Columns of panel p that exist (the rest of it is padding, kept at zero).
template <class T>
inline constexpr long columns_of(long columns, long p) {
  return std::min<long>(kPanel<T>, columns - p * kPanel<T>);
}

// Calls body(std::integral_constant<int, n>) for 1 <= n <= most.
template <int most, class Body>
[[gnu::always_inline]] inline void with_constant(long n, Body&& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) {
    static_cast<void>(((n == i + 1 && (body(std::integral_constant<int, i + 1>{}), true)) || ...));
  }(std::make_integer_sequence<int, most>{});
}

// Rows of a block for sums over rows (see Program::row_block), unless they have many positions.
inline constexpr long kRowBlock = 16;

// The same in networks with recurrent layers: a thread carries blocks of these through the steps.
inline constexpr long kCellRows = 8;

// Products add up blocks of this many terms: within a block one chain of fused multiply-adds, then a sum of blocks.
inline constexpr long kTermBlock = 256;

// The same for products that sum over rows (weight gradients): two panels of this many rows fit the first-level cache.
// A multiple of every row group (see Arena).
inline constexpr long kRowTermBlock = 128;

}  // namespace descend
