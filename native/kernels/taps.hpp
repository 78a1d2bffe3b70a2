// Products whose terms lie in pieces: a convolution is x W with the terms of an
// output cut into taps, each of which reads the lines of the input at an offset
// of its own. Nothing is copied per tap. As in product.hpp, tile shape and
// vector width never enter the value of an element.
#pragma once

#include "kernels/product.hpp"

namespace descend {

// Sums over taps are made in blocks of at most this many terms (a tap's panel
// of channels is never cut): so many rows of two panels of weights fit the
// first-level cache. Blocks are added in order.
inline constexpr long kTapTerms = 320;

// Panels that a tile of a convolution spans at most, and its lines: a line of 7
// or 14 pixels makes one tile.
inline constexpr int kTapPanels = kVectorBytes == 64 ? 2 : 1;
template <class T>
inline constexpr int kTapLines = kVectorBytes == 64 ? 14 : kTileRows<T, 1>;

// Up to P terms of a product: where they start in A, relative to the tile's
// first line, and in a panel of B.
struct Segment {
  long a, b, terms;
};

// One block of segments of one tile of C = A B + bias: c: (R, N panels), lines
// c_step apart, overwritten when `first` and else added to.
template <class T, int R, int N>
[[gnu::noinline]] void tap_tile(const T* a, const Segment* s, const Segment* end, const T* b, long b_stride, T* c,
                                long c_stride, long c_step, const T* bias, bool first) {
  constexpr int P = kPanel<T>;
  Vec<T> acc[R][N * kPanelVecs<T>];
#pragma GCC unroll 16
  for (int i = 0; i < N * kPanelVecs<T>; i++) {
    const Vec<T> start = bias && first ? load(bias + i * kLanes<T>) : Vec<T>{};
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) acc[r][i] = start;
  }
  for (; s < end; s++) {
    const Plain<T> panels{b + s->b, b_stride};
    if (s->terms == P)
      multiply_add<T, R, N, P, 1>(acc, a + s->a, panels, P);
    else
      multiply_add<T, R, N, P, 1>(acc, a + s->a, panels, s->terms);
  }
  store_tile<T, R, N>(acc, c, c_stride, c_step, first);
}

// `lines` lines of `count` <= kTapPanels panels of C, tile by tile.
template <class T>
inline void tap_lines(long lines, long count, const T* a, const Segment* s, const Segment* end, const T* b,
                      long b_stride, T* c, long c_stride, long c_step, const T* bias, bool first) {
  with_constant<kTapPanels>(count, [&](auto n) {
    split_rows<kTapLines<T>>(lines, [&](auto r, long from) {
      tap_tile<T, decltype(r)::value, decltype(n)::value>(a + from * kPanel<T>, s, end, b, b_stride, c + from * c_step,
                                                          c_stride, c_step, bias, first);
    });
  });
}

// Runs of lines that are multiplied with each other: `count` rows of lines,
// `terms` in each.
template <class T>
struct Runs {
  const T *a, *b;
  long a_row, b_row;    // numbers between two rows
  long a_step, b_step;  // numbers between two lines of a row
  long rows, terms;
};

// acc[r][v] += sum over the lines of a[r] * b[vector v].
template <class T, int R, int N>
[[gnu::always_inline]] inline void multiply_add_runs(Vec<T> (&acc)[R][N * kPanelVecs<T>], const Runs<T>& runs,
                                                     long b_stride) {
  constexpr int V = kPanelVecs<T>;
  for (long y = 0; y < runs.rows; y++) {
    const T *a = runs.a + y * runs.a_row, *b = runs.b + y * runs.b_row;
    for (long k = 0; k < runs.terms; k++, a += runs.a_step, b += runs.b_step) {
      Vec<T> row[N * V];
#pragma GCC unroll 16
      for (int i = 0; i < N * V; i++) row[i] = load(b + i / V * b_stride + i % V * kLanes<T>);
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        const Vec<T> x = splat<T>(a[r]);
#pragma GCC unroll 16
        for (int v = 0; v < N * V; v++) acc[r][v] = fma<T>(x, row[v], acc[r][v]);
      }
    }
  }
}

// Adds to the tile of C (R, N panels) at `c`, or makes it, the product A^T B
// over `images` images, a_image and b_image numbers apart: a block of terms.
template <class T, int R, int N>
[[gnu::noinline]] void run_tile(Runs<T> runs, long images, long a_image, long b_image, long b_stride, T* c,
                                long c_stride, bool first) {
  Vec<T> acc[R][N * kPanelVecs<T>] = {};
  for (; images > 0; images--, runs.a += a_image, runs.b += b_image) multiply_add_runs<T, R, N>(acc, runs, b_stride);
  add_block<T, R, N>(acc, c, c_stride, first);
}

// The same for one channel of A and R taps beside each other: row r of C is of the tap `tap` lines behind the one
// before. Of the lines of a row only those in [inside, inside + width) of A are there, counted from the first that the
// first tap reads; the others are 0, which changes no bit of a sum. So each line of B is loaded once for all taps.
template <class T, int R, int N>
[[gnu::noinline]] void channel_tile(const Runs<T>& runs, long images, long a_image, long b_image, long b_stride,
                                    long tap, long inside, long width, T* c, long c_row, long c_stride, bool first) {
  constexpr int P = kPanel<T>, V = kPanelVecs<T>;
  const long step = runs.a_step / P;
  Vec<T> acc[R][N * V] = {};
  const auto add = [&](const T* a, const T* b, auto&& there) {
    Vec<T> row[N * V];
#pragma GCC unroll 16
    for (int i = 0; i < N * V; i++) row[i] = load(b + i / V * b_stride + i % V * kLanes<T>);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const Vec<T> x = there(r) ? splat<T>(a[r * tap * P]) : Vec<T>{};
#pragma GCC unroll 16
      for (int v = 0; v < N * V; v++) acc[r][v] = fma<T>(x, row[v], acc[r][v]);
    }
  };
  // Positions whose taps are all there.
  const long begin = std::min(runs.terms, (inside + step - 1) / step);
  const long end = std::max(begin, std::min(runs.terms, (inside + width - 1 - (R - 1) * tap + step) / step));
  for (long image = 0; image < images; image++)
    for (long y = 0; y < runs.rows; y++) {
      const T* const a = runs.a + image * a_image + y * runs.a_row;
      const T* const b = runs.b + image * b_image + y * runs.b_row;
      const auto edge = [&](long x) {
        add(a + x * runs.a_step, b + x * runs.b_step, [&](int r) {
          const long line = x * step + r * tap - inside;
          return line >= 0 && line < width;
        });
      };
      for (long x = 0; x < begin; x++) edge(x);
      for (long x = begin; x < end; x++) add(a + x * runs.a_step, b + x * runs.b_step, [](int) { return true; });
      for (long x = end; x < runs.terms; x++) edge(x);
    }
  store_tile<T, R, N>(acc, c, c_stride, c_row, first);
}

}  // namespace descend
