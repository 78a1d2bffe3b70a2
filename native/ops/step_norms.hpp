// Batch normalization of what a recurrent cell computes at every step: of the terms of the input and of the state, and
// of an LSTM's memory. Each step has statistics of its own, over the rows that have such a step; a step that one row
// alone has, or none, takes the running ones, and so does inference. Beyond the steps that training has seen, the last
// of them stands for all.
//
// Like batch_norm.cpp: sums and centred squares per block of rows, which every thread combines for itself in order of
// the blocks. A thread may be two meetings ahead of what another still reads, so sums alternate between two places.
#pragma once

#include <array>

#include "ops/update.hpp"
#include "runtime/program.hpp"

namespace descend {

template <class T>
class StepNorms {
 public:
  enum Kind { input, state, memory };

  StepNorms(const OpSpec& spec, const PlanSpec& plan, const std::vector<Placement>& placement, long steps);

  // In numbers: sums of so many blocks and what threads have for themselves, in training; the running statistics.
  long shared_size(long blocks) const { return blocks * block_; }
  long own_size() const { return 5 * all_ + padded<T>(steps_); }
  long running_size() const { return 2 * all_; }

  // One row's numbers of a panel at a step become normal() and then these times gamma; or the gradient goes back.
  struct Vector {
    Vec<T> mean, inverse, gamma, sum, along;

    Vec<T> normal(Vec<T> x) const { return (x - mean) * inverse; }
    Vec<T> value(Vec<T> x) const { return normal(x) * gamma; }
    Vec<T> back(Vec<T> x, Vec<T> dy) const { return inverse * gamma * (dy - fma<T>(normal(x), along, sum)); }
  };
  // Of column c of a kind, forward alone.
  Vector forward(const Pass<T>& pass, const T* own, Kind kind, long s, long c) const {
    return {load(at(own, kind, 0, s) + c), load(at(own, kind, 1, s) + c), load(pass.weights + gamma_[kind] + c),
            Vec<T>{}, Vec<T>{}};
  }
  // And with what dy changes through the batch's mean and variance, once it is summed.
  Vector backward(const Pass<T>& pass, const T* own, Kind kind, long s, long c) const {
    Vector v = forward(pass, own, kind, s, c);
    const T n = counts(own)[s];
    if (n > T(1)) v.sum = load(at(own, kind, 3, s) + c) / n, v.along = load(at(own, kind, 4, s) + c) / n;
    return v;
  }
  Vec<T> beta(const Pass<T>& pass, long c) const { return load(pass.weights + beta_ + c); }

  // Where a block's sums go: forward (2, width) and then the number of rows; backward (2, width) for each kind.
  T* forward_sums(T* shared, long block, Kind kind, long s, long part) const {
    T* const from = shared + block * block_;
    return kind == input ? from + s * (2 * width_[input] + P) : from + later_ + part % 2 * parity_;
  }
  T* backward_sums(T* shared, long block, Kind kind, long part) const {
    return shared + block * block_ + later_ + (2 + part % 2) * parity_ + (kind == state ? 2 * width_[input] : 0);
  }
  // Of the numbers of n rows at x, panels `stride` apart.
  void sum_forward(const T* x, long stride, long n, Kind kind, T* sums) const;
  long width(Kind kind) const { return width_[kind]; }

  // All blocks' sums, added up.
  void total_forward(const Pass<T>& pass, T* shared, T* own, Kind kind, long s, long part) const;
  void total_backward(const Pass<T>& pass, T* shared, T* own, Kind kind, long s, long part) const;
  // The statistics of h U before the first step, where h is 0.
  void first_state(const Pass<T>& pass, T* own) const;
  // Running statistics of all steps.
  void take_running(const Pass<T>& pass, T* own) const;

  // The gradients of gamma and beta, and the running statistics moved.
  void update(const Pass<T>& pass, const T* own, Update<T>& update) const;

 private:
  static constexpr long P = kPanel<T>;

  T* at(T* own, Kind kind, int piece, long s) const {
    return own + piece * all_ + start_[kind] * steps_ + s * width_[kind];
  }
  const T* at(const T* own, Kind kind, int piece, long s) const { return at(const_cast<T*>(own), kind, piece, s); }
  const T* counts(const T* own) const { return own + 5 * all_; }
  // Where the running statistics of a step's column c lie in the weights.
  long running(long parameter, long s, long c) const { return parameter + c / P * steps_ * P + s * P + c % P; }
  void take_running(const Pass<T>& pass, T* own, Kind kind, long s) const;
  void normalize(const T* x, T* own, Kind kind, long s, long c) const;
  void commit(const T* own, Update<T>& update, Kind kind, int piece, int id, long offset) const;
  void move(const Pass<T>& pass, const T* own, Update<T>& update) const;
  long seen(const T* weights) const { return std::min(steps_, static_cast<long>(weights[seen_])); }

  long steps_, kinds_, all_, later_, parity_, block_;
  T momentum_, epsilon_;
  std::array<long, 3> width_{}, start_{}, gamma_{}, mean_{}, variance_{};  // padded; the rest in the weights
  std::array<int, 3> gamma_id_{};
  long beta_ = -1, seen_;
  int beta_id_ = -1;
  bool frozen_;
};

}  // namespace descend
