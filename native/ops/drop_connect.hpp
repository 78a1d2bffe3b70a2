// DropConnect: in training a dense layer's weights are left out at random, one mask for all rows of a step, and the
// rest scaled by 1 / (1 - rate). Wan and others, 2013.
//
// The mask is two bits per weight, one for each direction in which the weights are read; the products apply them as
// they load the weights, so no masked weights exist. Who updates a block of weights draws its bits for the next step.
#pragma once

#include "kernels/operands.hpp"
#include "runtime/program.hpp"

namespace descend {

template <class T>
class DropConnect {
 public:
  // For weights (inputs, outputs). `transposed`: whether products with the transpose are needed.
  DropConnect(const OpSpec& spec, long inputs, long outputs);

  bool active() const { return threshold_ > 0; }
  T scale() const { return scale_; }

  // Memory for the bits, in numbers.
  long size() const;

  // Draws the bits of panels `in` of inputs and `out` of outputs for a step.
  void draw(T* memory, uint64_t seed, uint64_t step, Panels in, Panels out) const;

  Kept<T> weights(const T* memory, const T* weights) const {
    return {weights, inputs_ * kPanel<T>, straight(memory), scale_};
  }
  Kept<T> transposed(const T* memory, const T* transposed) const {
    return {transposed, padded<T>(outputs_) * kPanel<T>, straight(memory) + straight_size(), scale_};
  }

  // The gradient g of rows [first, first + count) of panel `out` of the weights: 0 where they were left out, else
  // scaled.
  void mask(const T* memory, long out, long first, long count, T* g) const;

 private:
  static const KeepBits<T>* straight(const T* memory) { return reinterpret_cast<const KeepBits<T>*>(memory); }
  long straight_size() const { return panels<T>(outputs_) * inputs_; }

  long inputs_, outputs_;
  uint64_t threshold_, stream_;
  T scale_;
};

// Inference by the paper's Gaussian approximation: what reaches a unit is normal with mean x W + b and variance
// rate / (1 - rate) sum_i x_i^2 w_i^2; the output is the mean over `samples` evenly spread quantiles of the activation.
template <class T>
class GaussianInference {
 public:
  GaussianInference(const OpSpec& spec, double rate);

  bool active() const { return !points_.empty(); }
  T variance_factor() const { return factor_; }

  // z: (count) means, overwritten by the outputs; variance: (count); whole vectors.
  void apply(T* z, const T* variance, long count) const { activate_(*this, z, variance, count); }

  const std::vector<T>& points() const { return points_; }
  T alpha() const { return alpha_; }

 private:
  std::vector<T> points_;  // standard normal
  T factor_, alpha_;
  void (*activate_)(const GaussianInference&, T*, const T*, long) = nullptr;
};

}  // namespace descend
