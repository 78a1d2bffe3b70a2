// The targets of a categorical cross-entropy: classes or numbers, smoothed, and in training replaced by noise and mixed
// where rows were. Of several groups of classes beside each other each is replaced and smoothed on its own, and all of
// them are mixed by the row's share. Writes nothing.
#pragma once

#include "ops/loss.hpp"

namespace descend {

template <class T>
class ClassLoss : public Loss<T> {
 public:
  ClassLoss(const LossSpec& l, const PlanSpec& plan, const Mix<T>* mix)
      : Loss<T>(l, plan, mix), groups_(std::max(1L, static_cast<long>(l.groups.size()))) {}

 protected:
  // One out of several classes: its number in the row, and its columns.
  struct Group {
    long index, first, last;
    long classes() const { return last - first; }
  };
  // Where the targets of a group come from: class `label`, or (-1) the dense target of row `source`.
  struct Origin {
    long label, source;
  };
  // The target of a group: `share` of the first and the rest of the second.
  struct Target {
    Origin first, second;
    T share;
    bool one_class(double smoothing) const { return first.label >= 0 && share == T(1) && smoothing == 0; }
  };

  Target target_of(const Pass<T>& pass, long r, const Group& g) const {
    const Origin own = origin(pass, r, g);
    if (!pass.training || !this->mix_) return {own, own, T(1)};
    return {own, origin(pass, this->partner(pass, r), g), this->share(pass, r)};
  }

  // Of column c, one of the group's.
  T target(const Pass<T>& pass, const Target& of, long c, const Group& g) const {
    T y = value(pass, of.first, c, g);
    if (of.share != T(1)) y = of.share * y + (T(1) - of.share) * value(pass, of.second, c, g);
    const double s = this->spec_.label_smoothing;
    return s == 0 ? y : static_cast<T>(static_cast<double>(y) * (1 - s) + s / static_cast<double>(g.classes()));
  }

  // -sum y log p of the group, with p clipped; no gradient where it is.
  T probabilities(const Pass<T>& pass, long r, T w, const Group& g) const {
    const long stride = this->stride(pass);
    const T low = T(1e-7), high = T(1) - low;
    const T* p = this->in(pass, r) + r * kPanel<T>;
    T* dp = this->in_gradient(pass, r) + r * kPanel<T>;
    const Target row = target_of(pass, r, g);
    T sum = 0;
    for (long c = g.first; c < g.last; c++) {
      const long o = c / kPanel<T> * stride + c % kPanel<T>;
      const T y = target(pass, row, c, g), q = p[o] < low ? low : p[o] > high ? high : p[o];
      if (y != 0) sum -= y * log<T>(q);
      if (pass.training) dp[o] = p[o] > low && p[o] < high ? -w * y / q : T(0);
    }
    return sum;
  }

 private:
  Origin origin(const Pass<T>& pass, long r, const Group& g) const {
    const long replaced =
        this->noise_.active(pass) ? this->noise_.replacement(pass, r * groups_ + g.index, g.classes()) : -1;
    if (replaced >= 0) return {replaced, 0};
    const long source = this->data_line(pass, r);
    return {this->spec_.index_target ? static_cast<long>(pass.data->classes[source * groups_ + g.index]) : -1, source};
  }

  T value(const Pass<T>& pass, Origin o, long c, const Group& g) const {
    return o.label >= 0 ? T(o.label == c - g.first) : pass.data->y[o.source * this->in_width + c];
  }

  long groups_;
};

}  // namespace descend
