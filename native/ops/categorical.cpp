// Categorical cross-entropy and its gradient, see loss.hpp.
#include "ops/loss.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

// Categorical cross-entropy from logits (softmax inside) or from probabilities, for classes or dense targets.
template <class T, bool from_logits>
class Categorical final : public Loss<T> {
 public:
  using Loss<T>::Loss;

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T ceiling = static_cast<T>(this->spec_.ceiling);
    Normalizers n;
    this->each_row(
        pass, rows,
        [&](long first, long last) {
          if constexpr (from_logits) normalize(pass, first, last, n);
        },
        [&](long r, long /*source*/, T w) {
          const T l = from_logits ? logits_row(pass, r, w, n) : probabilities_row(pass, r, w);
          return l > ceiling ? ceiling : l;
        });
  }
  void backward(const Pass<T>&, Rows, Panels) const override {}

 private:
  // Of the rows of a block: the largest logit, S = sum e^(z - most), log S and 1 / S.
  struct Normalizers {
    long first;
    alignas(64) T most[kRowBlock], sum[kRowBlock], log[kRowBlock], inverse[kRowBlock];
  };

  // The exponentials become the gradient; logarithms and reciprocals are those of many rows at once.
  void normalize(const Pass<T>& pass, long first, long last, Normalizers& n) const {
    n.first = first;
    std::fill(n.sum, n.sum + kRowBlock, T(1));
    for (long r = first; r < last; r++) {
      const T* z = this->in(pass, r) + r * kPanel<T>;
      T* dz = this->in_gradient(pass, r) + r * kPanel<T>;
      n.most[r - first] = row_max(z, this->in_width, this->stride(pass));
      n.sum[r - first] = row_exponentials(z, n.most[r - first], dz, this->in_width, this->stride(pass));
    }
    for (long i = 0; i < kRowBlock; i += kLanes<T>) {
      store(n.log + i, log<T>(load(n.sum + i)));
      store(n.inverse + i, T(1) / load(n.sum + i));
    }
  }

  // Where the targets of a row come from: class `label`, or (-1) the dense target of row `source`.
  struct Origin {
    long label, source;
  };
  // The target of a row: `share` of the first and the rest of the second.
  struct Target {
    Origin first, second;
    T share;
  };

  Origin origin(const Pass<T>& pass, long r) const {
    const long replaced = this->noise_.active(pass) ? this->noise_.replacement(pass, r, this->in_width) : -1;
    if (replaced >= 0) return {replaced, 0};
    const long source = this->data_line(pass, r);
    return {this->spec_.index_target ? static_cast<long>(pass.data->classes[source]) : -1, source};
  }

  Target target_of(const Pass<T>& pass, long r) const {
    const Origin own = origin(pass, r);
    if (!pass.training || !this->mix_) return {own, own, T(1)};
    return {own, origin(pass, this->partner(pass, r)), this->share(pass, r)};
  }

  T value(const Pass<T>& pass, Origin o, long c) const {
    return o.label >= 0 ? T(o.label == c) : pass.data->y[o.source * this->in_width + c];
  }

  T target(const Pass<T>& pass, const Target& of, long c) const {
    T y = value(pass, of.first, c);
    if (of.share != T(1)) y = of.share * y + (T(1) - of.share) * value(pass, of.second, c);
    const double s = this->spec_.label_smoothing;
    return s == 0 ? y : static_cast<T>(static_cast<double>(y) * (1 - s) + s / static_cast<double>(this->in_width));
  }

  // l = log sum e^z - sum y z (for targets that sum to Y: Y log sum e^z - sum y z); slope Y softmax(z) - y.
  T logits_row(const Pass<T>& pass, long r, T w, const Normalizers& of) const {
    const long n = this->in_width, stride = this->stride(pass), i = r - of.first;
    const T* z = this->in(pass, r) + r * kPanel<T>;
    T* dz = this->in_gradient(pass, r) + r * kPanel<T>;
    const T most = of.most[i];
    const auto at = [&](long c) { return c / kPanel<T> * stride + c % kPanel<T>; };
    const Target row = target_of(pass, r);
    if (row.first.label >= 0 && row.share == T(1) && this->spec_.label_smoothing == 0) {
      const long o = at(row.first.label);
      const T l = of.log[i] - (z[o] - most);
      if (pass.training) {
        scale(dz, n, stride, w * of.inverse[i]);
        dz[o] -= w;
      }
      return l;
    }
    T dot = 0, mass = 0;
    for (long c = 0; c < n; c++) {
      const T y = target(pass, row, c);
      mass += y;
      dot += y * (z[at(c)] - most);
    }
    if (pass.training) {
      scale(dz, n, stride, w * mass * of.inverse[i]);
      for (long c = 0; c < n; c++) dz[at(c)] -= w * target(pass, row, c);
    }
    return mass * of.log[i] - dot;
  }

  static void scale(T* row, long n, long stride, T by) {
    each_in_row<T>(n, stride, [&](long o, long) { store(row + o, load(row + o) * by); });
  }

  T probabilities_row(const Pass<T>& pass, long r, T w) const {
    const long n = this->in_width, stride = this->stride(pass);
    const T low = T(1e-7), high = T(1) - low;
    const T* p = this->in(pass, r) + r * kPanel<T>;
    T* dp = this->in_gradient(pass, r) + r * kPanel<T>;
    const Target row = target_of(pass, r);
    T sum = 0;
    for (long c = 0; c < n; c++) {
      const long o = c / kPanel<T> * stride + c % kPanel<T>;
      const T y = target(pass, row, c), q = p[o] < low ? low : p[o] > high ? high : p[o];
      if (y != 0) sum -= y * log<T>(q);
      if (pass.training) dp[o] = p[o] > low && p[o] < high ? -w * y / q : T(0);
    }
    return sum;
  }
};

// Of several groups of classes beside each other: the mean over the groups of each one's categorical cross-entropy.
template <class T, bool from_logits>
class GroupedCategorical final : public Loss<T> {
 public:
  using Loss<T>::Loss;

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T ceiling = static_cast<T>(this->spec_.ceiling), each = T(1) / static_cast<T>(this->spec_.groups.size());
    this->each_row(
        pass, rows, [](long, long) {},
        [&](long r, long source, T w) {
          T sum = 0;
          Group group{0, 0, 0};
          for (const long size : this->spec_.groups) {
            group.last = group.first + size;
            const T l = from_logits ? logits(pass, r, source, w * each, group)
                                    : probabilities(pass, r, source, w * each, group);
            sum += l > ceiling ? ceiling : l;
            group = {group.index + 1, group.last, 0};
          }
          return sum * each;
        });
  }
  void backward(const Pass<T>&, Rows, Panels) const override {}

 private:
  struct Group {
    long index, first, last;  // of its columns
  };

  long chosen(const Pass<T>& pass, long source, Group g) const {
    return pass.data->classes[source * static_cast<long>(this->spec_.groups.size()) + g.index];
  }

  T target(const Pass<T>& pass, long source, long c, Group g) const {
    const T y = this->spec_.index_target ? T(chosen(pass, source, g) == c - g.first)
                                         : pass.data->y[source * this->in_width + c];
    const double s = this->spec_.label_smoothing;
    return s == 0 ? y : static_cast<T>(static_cast<double>(y) * (1 - s) + s / static_cast<double>(g.last - g.first));
  }

  // l = Y log sum e^z - sum y z for targets y that sum to Y; slope Y softmax(z) - y.
  T logits(const Pass<T>& pass, long r, long source, T w, Group g) const {
    const long n = this->in_width, stride = this->stride(pass);
    const T* z = this->in(pass, r) + r * kPanel<T>;
    T* dz = this->in_gradient(pass, r) + r * kPanel<T>;
    const auto at = [&](long c) { return c / kPanel<T> * stride + c % kPanel<T>; };
    const T most = segment_max(z, g.first, g.last, n, stride);
    const T sum = segment_exponentials(z, most, dz, g.first, g.last, n, stride), log_sum = log<T>(sum);
    T dot = 0, mass = 0;
    if (this->spec_.index_target && this->spec_.label_smoothing == 0) {
      mass = 1;
      dot = z[at(g.first + chosen(pass, source, g))] - most;
    } else {
      for (long c = g.first; c < g.last; c++) {
        const T y = target(pass, source, c, g);
        mass += y;
        dot += y * (z[at(c)] - most);
      }
    }
    if (pass.training) {
      scale_segment(dz, w * mass / sum, g.first, g.last, n, stride);
      for (long c = g.first; c < g.last; c++) dz[at(c)] -= w * target(pass, source, c, g);
    }
    return mass * log_sum - dot;
  }

  T probabilities(const Pass<T>& pass, long r, long source, T w, Group g) const {
    const long stride = this->stride(pass);
    const T low = T(1e-7), high = T(1) - low;
    const T* p = this->in(pass, r) + r * kPanel<T>;
    T* dp = this->in_gradient(pass, r) + r * kPanel<T>;
    T sum = 0;
    for (long c = g.first; c < g.last; c++) {
      const long o = c / kPanel<T> * stride + c % kPanel<T>;
      const T y = target(pass, source, c, g), q = p[o] < low ? low : p[o] > high ? high : p[o];
      if (y != 0) sum -= y * log<T>(q);
      if (pass.training) dp[o] = p[o] > low && p[o] < high ? -w * y / q : T(0);
    }
    return sum;
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_categorical(const LossSpec& l, const PlanSpec& plan, const Mix<T>* mix) {
  if (!l.groups.empty()) {
    if (l.link == Link::softmax) return std::make_unique<GroupedCategorical<T, true>>(l, plan, mix);
    return std::make_unique<GroupedCategorical<T, false>>(l, plan, mix);
  }
  if (l.link == Link::softmax) return std::make_unique<Categorical<T, true>>(l, plan, mix);
  return std::make_unique<Categorical<T, false>>(l, plan, mix);
}
template std::unique_ptr<Op<float>> make_categorical<float>(const LossSpec&, const PlanSpec&, const Mix<float>*);
template std::unique_ptr<Op<double>> make_categorical<double>(const LossSpec&, const PlanSpec&, const Mix<double>*);

}  // namespace descend
