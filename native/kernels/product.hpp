// The micro-kernel behind every product: tiles of the result held in registers, operands read straight from panels.
// Each element is a chain of fused multiply-adds over kTermBlock (kRowTermBlock) terms, blocks added in order: tile
// shape, row split and vector width never enter its value. Ops call product_panels (C = A B) and outer_block (C = A^T
// B).
//
// Loops over the accumulators of a tile say that they want to be unrolled: then it happens before the compiler decides
// what is kept in registers. GCC left to itself stores and reloads the whole tile before and after its terms, which
// takes longer than the terms where there are few.
#pragma once

#include "kernels/operands.hpp"

namespace descend {

// Panels that a register tile spans at most, and its rows: as many as leave room for the operands, but no more than
// keep the multiply-add units busy. A narrow tile is a tall one.
inline constexpr int kTilePanels = kVectorBytes == 64 ? 4 : 1;
template <class T, int N>
inline constexpr int kTileRows = std::clamp((kVectorBytes == 32 ? 12 : 24) / (N * kPanelVecs<T>), 1, 12);

// Calls tile(R, first) with compile-time R <= most so that the tiles cover `rows` in nearly equal parts
// (32 rows by at most 6: 6 6 5 5 5 5): no thin remainder that would starve the multiply-add units.
template <int most, class Tile>
inline void split_rows(long rows, Tile&& tile) {
  long first = 0;
  for (long left = (rows + most - 1) / most; left > 0; left--) {
    const long count = (rows - first + left - 1) / left;
    with_constant<most>(count, [&](auto r) { tile(r, first); });
    first += count;
  }
}

// acc[r][v] += sum over k < terms of a[r * row_step + k * term_step] * b[row k, vector v]; b (see operands.hpp) has N
// panels.
template <class T, int R, int N, int row_step, int term_step, class B>
[[gnu::always_inline]] inline void multiply_add(Vec<T> (&acc)[R][N * kPanelVecs<T>], const T* a, const B& b,
                                                long terms) {
  constexpr int V = kPanelVecs<T>;
  for (long k = 0; k < terms; k++) {
    Vec<T> row[N * V];
#pragma GCC unroll 16
    for (int i = 0; i < N * V; i++) row[i] = b.vector(i / V, k, i % V);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const Vec<T> x = splat<T>(B::factor(a[r * row_step + k * term_step]));
#pragma GCC unroll 16
      for (int v = 0; v < N * V; v++) acc[r][v] = fma<T>(x, row[v], acc[r][v]);
    }
  }
}

// Adds the accumulators of one block of terms to the tile of C at `c`, whose rows are c_row apart, or stores them when
// it is the first block.
template <class T, int R, int N>
[[gnu::always_inline]] inline void store_tile(const Vec<T> (&acc)[R][N * kPanelVecs<T>], T* c, long c_stride,
                                              long c_row, bool first) {
  constexpr int V = kPanelVecs<T>;
#pragma GCC unroll 16
  for (int n = 0; n < N; n++)
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) {
        T* at = c + n * c_stride + r * c_row + v * kLanes<T>;
        store(at, first ? acc[r][n * V + v] : load(at) + acc[r][n * V + v]);
      }
}

// The same where the rows of C follow each other.
template <class T, int R, int N>
[[gnu::always_inline]] inline void add_block(const Vec<T> (&acc)[R][N * kPanelVecs<T>], T* c, long c_stride,
                                             bool first) {
  store_tile<T, R, N>(acc, c, c_stride, kPanel<T>, first);
}

// What a product with a factor does to a complete tile: c = c factor + bias. bias: (N panels) or null. It reads the
// tile back: accumulators that it could not keep in registers would be stored in every turn of the loop over terms.
template <class T, int R, int N>
[[gnu::always_inline]] inline void finish_tile(T* c, long c_stride, T factor, const T* bias) {
  for (int n = 0; n < N; n++)
    for (int v = 0; v < kPanel<T>; v += kLanes<T>) {
      const Vec<T> start = bias ? load(bias + n * kPanel<T> + v) : Vec<T>{};
      for (int r = 0; r < R; r++) {
        T* at = c + n * c_stride + r * kPanel<T> + v;
        store(at, fma<T>(load(at), splat(factor), start));
      }
    }
}

// Where a block of terms stands in its product.
struct TermBlock {
  bool first, last;
};

// One block of terms of one tile of C = A B + bias. a: (R, terms) inside panels a_stride apart; b: (terms, N panels);
// c: (R, N panels), overwritten by the first block and added to by the others.
template <class T, int R, int N, class B>
[[gnu::noinline]] void product_tile(const T* a, long a_stride, long terms, B b, T* c, long c_stride, const T* bias,
                                    TermBlock block) {
  constexpr int P = kPanel<T>;
  Vec<T> acc[R][N * kPanelVecs<T>];
#pragma GCC unroll 16
  for (int i = 0; i < N * kPanelVecs<T>; i++) {
    const Vec<T> start = !B::kFactor && bias && block.first ? load(bias + i * kLanes<T>) : Vec<T>{};
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) acc[r][i] = start;
  }
  long k = 0;
  for (; k + P <= terms; k += P) multiply_add<T, R, N, P, 1>(acc, a + k / P * a_stride, b.from(0, k), P);
  if (k < terms) multiply_add<T, R, N, P, 1>(acc, a + k / P * a_stride, b.from(0, k), terms - k);
  add_block<T, R, N>(acc, c, c_stride, block.first);
  if constexpr (B::kFactor) {
    if (block.last) finish_tile<T, R, N>(c, c_stride, b.product_factor, bias);
  }
}

// One block of terms of N neighbouring panels of C, for all rows: the block of B stays in the nearest cache that holds
// it, and between tiles ask(k), for k < `wanted`, asks for a part of the block that comes next, which may lie in
// memory.
template <class T, int N, class B, class Ask>
inline void product_group(const T* a, long a_stride, long rows, long terms, const B& b, T* c, long c_stride,
                          const T* bias, TermBlock block, long wanted, Ask&& ask) {
  constexpr int P = kPanel<T>, most = kTileRows<T, N>;
  const long some = (wanted * most + rows - 1) / rows;
  long asked = 0;
  split_rows<most>(rows, [&](auto r, long first) {
    for (const long end = std::min(wanted, asked + some); asked < end; asked++) ask(asked);
    product_tile<T, decltype(r)::value, N>(a + first * P, a_stride, terms, b, c + first * P, c_stride, bias, block);
  });
}

// Panels [p0, p1) of C = A B (+ bias) for `rows` rows. a: (rows, terms), c: (rows, columns), in panels their stride
// apart; b: (terms, columns), an operand; bias: (padded columns) or null. Blocks of terms run outermost: that block of
// A stays in the second-level cache for all panels.
template <class T, class B>
void product_panels(const T* a, long a_stride, long rows, long terms, const B& b, T* c, long c_stride, const T* bias,
                    long p0, long p1) {
  constexpr int P = kPanel<T>;
  for (long k = 0; k == 0 || k < terms; k += kTermBlock) {
    const T* ak = a + k / P * a_stride;
    const long count = std::min(kTermBlock, terms - k);
    const TermBlock block{k == 0, k + kTermBlock >= terms};
    for (long p = p0; p < p1;) {
      const B bp = b.from(p, k);
      const T* start = bias ? bias + p * P : nullptr;
      T* cp = c + p * c_stride;
      const auto multiply = [&](auto n, const T* next) {  // next: the block that follows, or null
        constexpr int N = decltype(n)::value;
        product_group<T, N>(ak, a_stride, rows, count, bp, cp, c_stride, start, block, next ? count : 0,
                            [&](long line) {
                              for (int i = 0; i < N; i++) __builtin_prefetch(next + i * b.stride + line * P, 0, 2);
                            });
      };
      if (kTilePanels == 4 || rows <= 2) {  // wide tiles, or few rows
        with_constant<4>(std::min<long>(4, p1 - p), [&](auto n) {
          constexpr int N = decltype(n)::value;
          multiply(n, rows > 2 && p + N < p1 ? bp.data + N * b.stride : nullptr);
        });
        p += 4;
      } else {
        // The next panel's block, or the next block of the first panel.
        const T* next = p + 1 < p1               ? bp.data + b.stride
                        : k + kTermBlock < terms ? b.from(p0, k + kTermBlock).data
                                                 : nullptr;
        multiply(std::integral_constant<int, 1>{}, next);
        p++;
      }
    }
  }
}

// The same with panels of B as they are, b_stride apart.
template <class T>
void product_panels(const T* a, long a_stride, long rows, long terms, const T* b, long b_stride, T* c, long c_stride,
                    const T* bias, long p0, long p1) {
  product_panels<T>(a, a_stride, rows, terms, Plain<T>{b, b_stride}, c, c_stride, bias, p0, p1);
}

// Panels [p0, p1) of C = A W^T for `rows` rows. a: (rows, terms), c: (rows, columns), in panels their stride apart; w:
// (columns, terms). What a group of panels needs of W is turned over right before, into memory
// that stays in the nearest caches.
template <class T>
void product_with_transpose(const T* a, long a_stride, long rows, long terms, const Plain<T>& w, long columns, T* c,
                            long c_stride, long p0, long p1) {
  constexpr int P = kPanel<T>, most = 4;
  alignas(64) T turned[most * kTermBlock * P];  // (panels, terms, P)
  const long group = rows <= 2 ? most : kTilePanels;
  for (long k = 0; k == 0 || k < terms; k += kTermBlock) {
    const long count = std::min(kTermBlock, terms - k);
    const auto at = [&](long panel, long term) { return w.from((k + term) / P, panel * P).data; };
    for (long p = p0; p < p1; p += group)
      with_constant<most>(std::min(group, p1 - p), [&](auto n) {
        constexpr int N = decltype(n)::value;
        for (long t = 0; t < count; t += P)
          for (long i = 0; i < N; i++)
            transpose_padded<T>(at(p + i, t), std::min<long>(P, columns - (p + i) * P),
                                turned + (i * kTermBlock + t) * P);
        product_group<T, N>(a + k / P * a_stride, a_stride, rows, count, Plain<T>{turned, kTermBlock * P},
                            c + p * c_stride, c_stride, nullptr, {k == 0, k + kTermBlock >= terms},
                            rows > 2 && p + N < p1 ? count : 0, [&](long term) {
                              for (int i = 0; i < N; i++) __builtin_prefetch(at(p + N + i, term) + term % P * P, 0, 2);
                            });
      });
  }
}

// A matrix whose rows come in groups: one panel of it, and how far apart its groups lie.
template <class T>
struct GroupedPanel {
  const T* data;
  long jump;

  const T* at(long row, long group) const { return data + row / group * jump + row % group * kPanel<T>; }
};

// One block of rows of one tile of C = A^T B: a: (rows, R) columns of one panel, b: (rows, N panels), c: (R, N panels).
template <class T, int R, int N>
[[gnu::noinline]] void outer_tile(GroupedPanel<T> a, GroupedPanel<T> b, long b_stride, long rows, long group, T* c,
                                  long c_stride, bool first) {
  Vec<T> acc[R][N * kPanelVecs<T>] = {};
  for (; rows > 0; rows -= group, a.data += a.jump, b.data += b.jump)
    multiply_add<T, R, N, 1, kPanel<T>>(acc, a.data, Plain<T>{b.data, b_stride}, std::min(rows, group));
  add_block<T, R, N>(acc, c, c_stride, first);
}

// The block C = A^T B of `count` <= P columns of one panel of A by N panels of B (b_stride apart), over `rows` rows in
// groups of `group`: a divisor or a multiple of kRowTermBlock, or all of them. c: (count, N panels) with panels
// c_stride apart, which the first block overwrites unless the product is to be `added`. Calls before() ahead of every
// tile.
template <class T, int N, class Before>
inline void outer_block(GroupedPanel<T> a, long count, GroupedPanel<T> b, long b_stride, long rows, long group, T* c,
                        long c_stride, bool added, Before&& before) {
  for (long k = 0; k == 0 || k < rows; k += kRowTermBlock) {
    split_rows<kTileRows<T, N>>(count, [&](auto r, long first) {
      before();
      outer_tile<T, decltype(r)::value, N>({a.at(k, group) + first, a.jump}, {b.at(k, group), b.jump}, b_stride,
                                           std::min(kRowTermBlock, rows - k), group, c + first * kPanel<T>, c_stride,
                                           k == 0 && !added);
    });
  }
}

}  // namespace descend
