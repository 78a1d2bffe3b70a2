// What dense ops do with their parameters, however their rows come.
#pragma once

#include "runtime/program.hpp"

namespace descend {

template <class T>
class Update;

// The weight is (rows, columns); z = x W has as many columns, and z = x W^T, of a transposed op, as many as W has rows.
template <class T>
class DenseParameters : public Op<T> {
 public:
  bool by_panel() const override { return false; }
  bool trainable() const override { return trainable_; }

 protected:
  DenseParameters(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : Op<T>(s, plan),
        rows_(plan.parameters[static_cast<std::size_t>(s.weight)].rows),
        columns_(plan.parameters[static_cast<std::size_t>(s.weight)].columns),
        weight_(placement[static_cast<std::size_t>(s.weight)]),
        bias_(s.bias >= 0 ? placement[static_cast<std::size_t>(s.bias)] : Placement{}),
        trainable_(plan.trains(s.weight) || plan.trains(s.bias)) {}

  bool updates_bias() const { return this->spec.bias >= 0 && this->owns_bias; }

  // How many ops use the weight.
  double uses() const {
    double n = 1;
    for (const Op<T>* other : this->partners) n += other->spec.weight == this->spec.weight;
    return n;
  }

  // Adds the other uses' parts, in their order, to a block of the weight's gradient.
  void add_partners(const Pass<T>& pass, const Block<T>& block) const;

  // The gradient of the bias: sums over the rows of the gradients of all outputs that it is added to.
  void update_bias(const Pass<T>& pass, Panels outputs, Update<T>& update) const;

  // After the commit of a block of the weight.
  void refresh_transposed(Panels inputs, long output, const Update<T>& update) const;

  bool refreshes(const Update<T>& update) const;
  // Where the transpose of panel i of the inputs by panel o of the outputs lies.
  T* transposed(long i, long o, const Update<T>& update) const;

  long panel() const { return rows_ * kPanel<T>; }
  long offset(long input, long output) const {
    return weight_.offset + output * panel() + input * kPanel<T> * kPanel<T>;
  }

  long rows_, columns_;  // of the weight
  Placement weight_, bias_;
  bool trainable_;
};

}  // namespace descend
