// DropConnect where weights are read many times in a step, at every position or time step: a copy of the panels without
// what is left out, the rest scaled by 1 / (1 - rate), made anew before each update by all threads together. Dense ops
// mask their weights as they load them, see drop_connect.hpp.
#pragma once

#include "runtime/kernel.hpp"
#include "runtime/program.hpp"

namespace descend {

template <class T>
class MaskedWeights {
 public:
  // Of parameter `id`. `transposed`: whether products with the transpose are needed.
  MaskedWeights(const OpSpec& spec, const PlanSpec& plan, int id, bool transposed);

  bool active() const { return threshold_ > 0; }

  // Memory for the copies, in numbers: the panels, then the transpose.
  long size() const { return active() ? kernel_.size() + (transposed_ ? kernel_.transposed_size() : 0) : 0; }

  // This thread's part of the copies of the weights at `weights`.
  void prepare(const Pass<T>& pass, const T* weights, T* memory) const;

  const T* weights(const T* memory) const { return memory; }
  const T* transposed(const T* memory) const { return memory + kernel_.size(); }

  // The gradient g of tap t and panel u of the rows of panel o: 0 where weights were left out, else scaled.
  void mask(const Pass<T>& pass, long t, long u, long o, T* g) const {
    keep(pass, o, t * kernel_.rows + u * kPanel<T>, kernel_.block_rows(u), g, g);
  }

 private:
  // Of lines [first, first + count) of panel o, see Kernel.
  void keep(const Pass<T>& pass, long o, long first, long count, const T* from, T* to) const;
  // The parameter's number whose place is column 0 of a line of panel o.
  long element(long line, long o) const;

  Kernel<T> kernel_;
  long columns_, gates_;
  bool transposed_;
  uint64_t threshold_, stream_;
  T scale_;
};

}  // namespace descend
