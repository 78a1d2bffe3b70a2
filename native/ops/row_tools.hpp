// For ops on whole rows: a row lies one cache line per panel; sums along it go lane by lane over the panels and then in
// fixed halves over the lanes of a panel, so that the vector width does not show.
#pragma once

#include "kernels/math.hpp"
#include "kernels/panels.hpp"

namespace descend {

// Calls body(offset in the row's panels, first column, lane columns) for each vector of the `columns` columns of a row.
template <class T, class Body>
[[gnu::always_inline]] inline void each_in_row(long columns, long stride, Body&& body) {
  for (long c = 0; c < padded<T>(columns); c += kLanes<T>) body(c / kPanel<T> * stride + c % kPanel<T>, c);
}

// Lanes of the vector starting at column c that are real columns.
template <class T>
inline VecI<T> real_columns(long c, long columns) {
  using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  return lane_index<T>() < static_cast<I>(columns - c);
}

// As each_in_row, with a third argument that makes zeros of what is beyond the columns; it does nothing in all vectors
// but the last ones.
template <class T, class Body>
[[gnu::always_inline]] inline void each_of_row(long columns, long stride, Body&& body) {
  long c = 0;
  for (; c + kLanes<T> <= columns; c += kLanes<T>)
    body(c / kPanel<T> * stride + c % kPanel<T>, c, [](Vec<T> x) { return x; });
  for (; c < padded<T>(columns); c += kLanes<T>)
    body(c / kPanel<T> * stride + c % kPanel<T>, c,
         [real = real_columns<T>(c, columns)](Vec<T> x) { return real ? x : Vec<T>{}; });
}

template <class T>
struct LaneSums {
  Vec<T> lane[kPanelVecs<T>] = {};

  void add(long c, Vec<T> x) { lane[kPanelVecs<T> == 1 ? 0 : c % kPanel<T> / kLanes<T>] += x; }

  T total() const {
    Vec<T> s[kPanelVecs<T>];
    for (int v = 0; v < kPanelVecs<T>; v++) s[v] = lane[v];
    for (int half = kPanelVecs<T> / 2; half; half /= 2)
      for (int v = 0; v < half; v++) s[v] += s[v + half];
    return fold<T>(s[0], [](auto x, auto y) { return x + y; });
  }
};

// The largest number of a row; a NaN anywhere is found by whoever sums the exponentials.
template <class T>
inline T row_max(const T* row, long columns, long stride) {
  Vec<T> most = splat(T(-INFINITY));
  each_in_row<T>(columns, stride, [&](long o, long c) {
    const Vec<T> x = real_columns<T>(c, columns) ? load(row + o) : splat(T(-INFINITY));
    most = x > most ? x : most;
  });
  return fold<T>(most, [](auto x, auto y) { return x > y ? x : y; });
}

// out = e^(row - max) with zeros beyond the columns; returns the sum.
template <class T>
inline T row_exponentials(const T* row, T most, T* out, long columns, long stride) {
  LaneSums<T> sums;
  each_in_row<T>(columns, stride, [&](long o, long c) {
    const Vec<T> e = real_columns<T>(c, columns) ? exp<T>(load(row + o) - most) : Vec<T>{};
    store(out + o, e);
    sums.add(c, e);
  });
  return sums.total();
}

// Calls body(offset in the row's panels, lanes within the segment, lanes of other columns) for each vector with columns
// from `first` to `last` of a row of `columns`; the last segment's vectors go on to the end of the padding.
template <class T, class Body>
[[gnu::always_inline]] inline void each_in_segment(long first, long last, long columns, long stride, Body&& body) {
  const long end = last == columns ? padded<T>(columns) : last;
  for (long c = first / kLanes<T> * kLanes<T>; c < end; c += kLanes<T>) {
    const VecI<T> before = real_columns<T>(c, first), inside = real_columns<T>(c, last) & ~before;
    body(c / kPanel<T> * stride + c % kPanel<T>, c, inside, real_columns<T>(c, columns) & ~inside);
  }
}

// As row_max, of a segment.
template <class T>
inline T segment_max(const T* row, long first, long last, long columns, long stride) {
  Vec<T> most = splat(T(-INFINITY));
  each_in_segment<T>(first, last, columns, stride, [&](long o, long, VecI<T> inside, VecI<T>) {
    const Vec<T> x = inside ? load(row + o) : splat(T(-INFINITY));
    most = x > most ? x : most;
  });
  return fold<T>(most, [](auto x, auto y) { return x > y ? x : y; });
}

// As row_exponentials, of a segment; other columns keep what they hold.
template <class T>
inline T segment_exponentials(const T* row, T most, T* out, long first, long last, long columns, long stride) {
  LaneSums<T> sums;
  each_in_segment<T>(first, last, columns, stride, [&](long o, long c, VecI<T> inside, VecI<T> others) {
    const Vec<T> zero{}, e = inside ? exp<T>(load(row + o) - most) : zero;
    store(out + o, inside ? e : others ? load(out + o) : zero);
    sums.add(c, e);
  });
  return sums.total();
}

// row *= by within a segment.
template <class T>
inline void scale_segment(T* row, T by, long first, long last, long columns, long stride) {
  each_in_segment<T>(first, last, columns, stride, [&](long o, long, VecI<T> inside, VecI<T>) {
    const Vec<T> x = load(row + o);
    store(row + o, inside ? x * by : x);
  });
}

}  // namespace descend
