// A line of another row of the batch, which ops that mix rows read: of the caller's data, whose rows have no padding,
// or of what other ops have made. Writes nothing.
#pragma once

#include "runtime/program.hpp"

namespace descend {

template <class T>
struct Other {
  const T* data;   // of the caller, or null
  const T* panel;  // of the first panel of a value

  // The columns c, c + 1, ... of `n`, which stand at `o` of a value's line.
  Vec<T> load_at(long o, long c, long n) const {
    if (!data) return load(panel + o);
    if (n - c >= kLanes<T>) return load_unaligned(data + c);
    Vec<T> v{};
    for (long i = 0; i < n - c; i++) v[i] = data[c + i];
    return v;
  }
};

// Place `place` of row `row` of the batch, as the input of an op.
template <class T>
Other<T> other_row(const Op<T>& op, const Pass<T>& pass, long row, long place, bool of_data) {
  const long line = row * op.in_positions + place;
  if (of_data) return {pass.data->X + (pass.source(row) * op.in_positions + place) * op.in_width, nullptr};
  return {nullptr, op.in(pass, line) + line * kPanel<T>};
}

}  // namespace descend
