// How the engine keeps the weights of a convolution: one matrix (rows, columns)
// with the input channels of one tap after the other as rows and the outputs as
// columns, in panels; a dense layer's is one of a single tap.
//
// With groups an output reads only the channels of its group. A panel of
// outputs keeps rows for all channels that any of them reads, from the panel of
// channels `first` on; where an output does not read a channel there is a zero,
// and the gradient there is made zero. So the products know nothing of groups.
#pragma once

#include "kernels/panels.hpp"
#include "runtime/spec.hpp"

namespace descend {

template <class T>
class Kernel {
 public:
  Kernel() = default;
  explicit Kernel(const ParameterSpec& p)
      : taps(p.taps),
        in(p.rows / p.taps * p.groups),
        out(p.gates > 1 ? p.gates * padded<T>(p.columns / p.gates) : p.columns),  // gates are padded one by one
        groups(p.groups),
        rows(in),
        columns(padded<T>(out)) {
    if (groups == 1) return;
    rows = columns = 0;
    for (long o = 0; o < panels<T>(out); o++) rows = std::max(rows, reach(o, out, in) * P);
    for (long i = 0; i < panels<T>(in); i++) columns = std::max(columns, reach(i, in, out) * P);
  }

  // The first panel of inputs that panel `o` of outputs reads, and the other
  // way round.
  long first_input(long o) const { return o * P / (out / groups) * (in / groups) / P; }
  long first_output(long i) const { return i * P / (in / groups) * (out / groups) / P; }

  // Numbers in a panel of outputs, and in all of them.
  long panel() const { return taps * rows * P; }
  long size() const { return panels<T>(out) * panel(); }
  // The block of tap t, panel u of the rows of the panel of outputs, panel o of
  // outputs; and how many rows it has.
  long at(long t, long u, long o) const { return o * panel() + (t * rows + u * P) * P; }
  long block_rows(long u) const { return std::min(P, rows - u * P); }

  // The transpose, tap by tap: panels of inputs with `columns` rows of outputs
  // each, from first_output on.
  long transposed_tap() const { return panels<T>(in) * columns * P; }
  long transposed_size() const { return taps * transposed_tap(); }
  // Where the transpose of a block lies; -1 when nobody reads it.
  long transposed_at(long t, long u, long o) const {
    const long i = first_input(o) + u, line = (o - (i < panels<T>(in) ? first_output(i) : 0)) * P;
    return i < panels<T>(in) && line >= 0 && line < columns ? t * transposed_tap() + (i * columns + line) * P : -1;
  }

  // Whether an output reads an input channel.
  bool reads(long o, long i) const { return o < out && i < in && o / (out / groups) == i / (in / groups); }
  // Where the weight of tap t between channel c of its group and output o lies.
  long index(long t, long c, long o) const {
    const long channel = o / (out / groups) * (in / groups) + c;
    return o / P * panel() + (t * rows + channel - first_input(o / P) * P) * P + o % P;
  }

  long taps = 1, in = 0, out = 0, groups = 1;
  long rows = 0;     // of a tap in a panel of outputs
  long columns = 0;  // the same of the transpose

 private:
  static constexpr long P = kPanel<T>;

  // Panels of `others` that panel p of `ones` has to do with.
  long reach(long p, long ones, long others) const {
    const long one = ones / groups, other = others / groups;
    const long first = p * P / one * other, last = ((std::min(ones, (p + 1) * P) - 1) / one + 1) * other;
    return (last - 1) / P - first / P + 1;
  }
};

}  // namespace descend
