// Noise on targets, in training: a label is replaced with probability p by one drawn from all, a number gets normal
// noise.
#pragma once

#include "kernels/normal.hpp"
#include "runtime/program.hpp"

namespace descend {

template <class T>
class LabelNoise {
 public:
  explicit LabelNoise(const LossSpec& loss)
      : amount_(loss.label_noise),
        threshold_(static_cast<uint64_t>(std::min(loss.label_noise, 1.0) * 4294967296.0)),
        labels_(loss.kind == LossKind::bce || loss.kind == LossKind::hinge),
        low_(loss.kind == LossKind::hinge ? -1 : 0) {}

  bool active(const Pass<T>& pass) const { return pass.training && amount_ > 0; }

  // The targets y of the elements (row r, columns c, c + 1, ...) of n columns each.
  Vec<T> noisy(const Pass<T>& pass, Vec<T> y, long r, long c, long n) const {
    using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    const VecU<T> bits = random_bits<T>(random_key(pass, kStream), static_cast<uint32_t>(r * n + c));
    if (!labels_) return fma<T>(splat(static_cast<T>(amount_)), normal<T>(bits), y);
    const auto all = static_cast<U>(threshold_), half = static_cast<U>(threshold_ / 2);
    return bits < all ? (bits < half ? splat(low_) : splat(T(1))) : y;
  }

  // The class of row r (of element row * groups + group), one of `classes`, that takes the place of its own; or -1.
  long replacement(const Pass<T>& pass, long r, long classes) const {
    const uint64_t bits = random_bits<T>(random_key(pass, kStream), static_cast<uint32_t>(r))[0];
    return bits < threshold_ ? static_cast<long>(bits * static_cast<uint64_t>(classes) / threshold_) : -1;
  }

 private:
  static constexpr uint64_t kStream = ~uint64_t{1};  // those of a plan's ops count up from 0

  double amount_;
  uint64_t threshold_;
  bool labels_;  // 0 or 1, -1 or 1
  T low_;
};

}  // namespace descend
