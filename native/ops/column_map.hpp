// For ops whose every output comes from one input column of the same row: it is copied, or goes through a function of
// its own, one "slot" of the op's parameters. They work row by row, gathering the inputs of a vector of slots.
#pragma once

#include <vector>

#include "kernels/math.hpp"
#include "ops/ops.hpp"

namespace descend {

template <class T>
class ColumnMap : public Op<T> {
 public:
  ColumnMap(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan) {
    for (std::size_t o = 0; o < s.sources.size(); o++) {
      const auto slot = static_cast<std::size_t>(s.slots[o]);
      if (s.slots[o] < 0) {
        copied_.push_back({s.sources[o], static_cast<long>(o)});
      } else {
        if (from_.size() <= slot) from_.resize(slot + 1), to_.resize(slot + 1);
        from_[slot] = s.sources[o];
        to_[slot] = static_cast<long>(o);
      }
    }
    straight_ = copied_.empty() && this->in_width == this->out_width;
    for (std::size_t i = 0; i < from_.size(); i++)
      straight_ &= from_[i] == static_cast<long>(i) && to_[i] == static_cast<long>(i);
  }

  bool by_row() const override { return true; }
  bool in_place() const override { return false; }
  // Nothing trained comes before it: see plan/adapting.py.
  void backward(const Pass<T>&, Rows, Panels) const override {}

 protected:
  struct Copy {
    long from, to;
  };

  static long at(long column, long stride) { return column / kPanel<T> * stride + column % kPanel<T>; }
  long slots() const { return static_cast<long>(from_.size()); }
  long from(long slot) const { return from_[static_cast<std::size_t>(slot)]; }
  long to(long slot) const { return to_[static_cast<std::size_t>(slot)]; }
  static long offset_of(const std::vector<Placement>& placement, int parameter) {
    return parameter < 0 ? -1 : placement[static_cast<std::size_t>(parameter)].offset;
  }

  // Calls body(inputs, outputs) for each row: its first numbers in panels that lie `stride` apart. What is copied is
  // there already, and so are the zeros behind the last column.
  template <class Body>
  void each_row(const Pass<T>& pass, Rows rows, Body&& body) const {
    const long stride = this->stride(pass);
    for (long r = rows.first; r < rows.last; r++) {
      const T* x = this->in(pass, rows.first) + r * kPanel<T>;
      T* y = this->out(pass, rows.first) + r * kPanel<T>;
      for (const Copy& c : copied_) y[at(c.to, stride)] = x[at(c.from, stride)];
      body(x, y);
      for (long c = this->out_width; c < padded<T>(this->out_width); c++) y[at(c, stride)] = 0;
    }
  }

  // y = f(first slot, inputs) for each vector of slots of each row.
  template <class F>
  void map(const Pass<T>& pass, Rows rows, F&& f) const {
    const long stride = this->stride(pass);
    each_row(pass, rows, [&](const T* x, T* y) {
      for (long s = 0; s < slots(); s += kLanes<T>) {
        if (straight_) {
          store(y + at(s, stride), f(s, load(x + at(s, stride))));
          continue;
        }
        alignas(64) T read[kLanes<T>] = {}, written[kLanes<T>];
        const long n = std::min<long>(kLanes<T>, slots() - s);
        for (long i = 0; i < n; i++) read[i] = x[at(from(s + i), stride)];
        store(written, f(s, load(read)));
        for (long i = 0; i < n; i++) y[at(to(s + i), stride)] = written[i];
      }
    });
  }

  // The same number by number: y = f(slot, input).
  template <class F>
  void map_each(const Pass<T>& pass, Rows rows, F&& f) const {
    const long stride = this->stride(pass);
    each_row(pass, rows, [&](const T* x, T* y) {
      for (long s = 0; s < slots(); s++) y[at(to(s), stride)] = f(s, x[at(from(s), stride)]);
    });
  }

  std::vector<Copy> copied_;

 private:
  std::vector<long> from_, to_;  // columns of each slot
  bool straight_ = false;        // slot i maps column i to column i, and there are no others
};

}  // namespace descend
