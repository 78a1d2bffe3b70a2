// Mixing rows of a batch in training: mixup (Zhang and others, 2018) and CutMix (Yun and others, 2019),
// which takes features of a table one by one and a rectangle of an image. Row r meets row partner(r) of the batch;
// targets are mixed by the loss, with the same share.
#pragma once

#include "ops/other_row.hpp"
#include "ops/rectangle.hpp"
#include "runtime/program.hpp"

namespace descend {

template <class T>
class Mix final : public Op<T> {
 public:
  Mix(const OpSpec& s, const PlanSpec& plan);

  bool by_row() const override { return true; }
  // Rows that other ops have made are mixed once all of them are there, and stay.
  long parts(bool backward) const override { return reads_data_ || backward ? 1 : 2; }
  bool in_place() const override { return reads_data_; }
  long scratch_size(long blocks, int /*threads*/) const override { return blocks * kRowBlock; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override;
  void backward(const Pass<T>&, Rows, Panels) const override {}  // nothing before it is trained: nobody asks

  // The row of the batch that row r is mixed with.
  long partner(const Pass<T>& pass, long r) const {
    const auto bits = row_bits(pass, 2 * r + 1);
    return static_cast<long>((bits * static_cast<uint64_t>(pass.rows)) >> 32);
  }
  // What row r keeps of itself, after forward.
  T share(const Pass<T>& pass, long r) const { return this->scratch(pass)[r]; }

 private:
  uint64_t row_bits(const Pass<T>& pass, long element) const {
    return random_bits<T>(random_key(pass, this->spec.stream), static_cast<uint32_t>(element))[0];
  }
  T mix_row(const Pass<T>& pass, long r, double share) const;
  T paste(const Pass<T>& pass, long r, double share) const;
  Rectangle rectangle(const Pass<T>& pass, long r, double share) const;

  bool reads_data_;  // or rows that other ops have made
};

}  // namespace descend
