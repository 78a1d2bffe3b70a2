// Categorical cross-entropy and its gradient, see loss.hpp; its targets are in class_targets.hpp.
#include "ops/class_targets.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

// Categorical cross-entropy from logits (softmax inside) or from probabilities, for classes or dense targets.
template <class T, bool from_logits>
class Categorical final : public ClassLoss<T> {
  using typename ClassLoss<T>::Group;

 public:
  using ClassLoss<T>::ClassLoss;

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T ceiling = static_cast<T>(this->spec_.ceiling);
    Normalizers n;
    const Lines of{this->in(pass, rows.first), this->in_gradient(pass, rows.first)};
    this->each_row(
        pass, rows,
        [&](long first, long last) {
          if constexpr (from_logits) normalize(pass, of, first, last, n);
        },
        [&](long r, long /*source*/, T w) {
          const T l = from_logits ? logits_row(pass, of, r, w, n) : this->probabilities(pass, r, w, all());
          return l > ceiling ? ceiling : l;
        });
  }
  void backward(const Pass<T>&, Rows, Panels) const override {}

 private:
  // Of all rows: the logits, and their gradients.
  struct Lines {
    const T* z;
    T* dz;
  };

  // Of the rows of a block: the largest logit, S = sum e^(z - most), log S and 1 / S.
  struct Normalizers {
    long first;
    alignas(64) T most[kRowBlock], sum[kRowBlock], log[kRowBlock], inverse[kRowBlock];
  };

  Group all() const { return {0, 0, this->in_width}; }

  // The exponentials become the gradient; logarithms and reciprocals are those of many rows at once.
  void normalize(const Pass<T>& pass, Lines of, long first, long last, Normalizers& n) const {
    n.first = first;
    std::fill(n.sum, n.sum + kRowBlock, T(1));
    for (long r = first; r < last; r++) {
      const T* z = of.z + r * kPanel<T>;
      T* dz = of.dz + r * kPanel<T>;
      n.most[r - first] = row_max(z, this->in_width, this->stride(pass));
      n.sum[r - first] = row_exponentials(z, n.most[r - first], dz, this->in_width, this->stride(pass));
    }
    for (long i = 0; i < kRowBlock; i += kLanes<T>) {
      store(n.log + i, log<T>(load(n.sum + i)));
      store(n.inverse + i, T(1) / load(n.sum + i));
    }
  }

  // l = log sum e^z - sum y z (for targets that sum to Y: Y log sum e^z - sum y z); slope Y softmax(z) - y.
  T logits_row(const Pass<T>& pass, Lines lines, long r, T w, const Normalizers& of) const {
    const long n = this->in_width, stride = this->stride(pass), i = r - of.first;
    const T* z = lines.z + r * kPanel<T>;
    T* dz = lines.dz + r * kPanel<T>;
    const T most = of.most[i];
    const auto at = [&](long c) { return c / kPanel<T> * stride + c % kPanel<T>; };
    const auto row = this->target_of(pass, r, all());
    if (row.one_class(this->spec_.label_smoothing)) {
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
      const T y = this->target(pass, row, c, all());
      mass += y;
      dot += y * (z[at(c)] - most);
    }
    if (pass.training) {
      scale(dz, n, stride, w * mass * of.inverse[i]);
      for (long c = 0; c < n; c++) dz[at(c)] -= w * this->target(pass, row, c, all());
    }
    return mass * of.log[i] - dot;
  }

  static void scale(T* row, long n, long stride, T by) {
    each_in_row<T>(n, stride, [&](long o, long) { store(row + o, load(row + o) * by); });
  }
};

// Of several groups of classes beside each other: the mean over the groups of each one's categorical cross-entropy.
template <class T, bool from_logits>
class GroupedCategorical final : public ClassLoss<T> {
  using typename ClassLoss<T>::Group;

 public:
  using ClassLoss<T>::ClassLoss;

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T ceiling = static_cast<T>(this->spec_.ceiling), each = T(1) / static_cast<T>(this->spec_.groups.size());
    this->each_row(
        pass, rows, [](long, long) {},
        [&](long r, long /*source*/, T w) {
          T sum = 0;
          Group group{0, 0, 0};
          for (const long size : this->spec_.groups) {
            group.last = group.first + size;
            const T l = from_logits ? logits(pass, r, w * each, group) : this->probabilities(pass, r, w * each, group);
            sum += l > ceiling ? ceiling : l;
            group = {group.index + 1, group.last, 0};
          }
          return sum * each;
        });
  }
  void backward(const Pass<T>&, Rows, Panels) const override {}

 private:
  // l = Y log sum e^z - sum y z for targets y that sum to Y; slope Y softmax(z) - y.
  T logits(const Pass<T>& pass, long r, T w, const Group& g) const {
    const long n = this->in_width, stride = this->stride(pass);
    const T* z = this->in(pass, r) + r * kPanel<T>;
    T* dz = this->in_gradient(pass, r) + r * kPanel<T>;
    const auto at = [&](long c) { return c / kPanel<T> * stride + c % kPanel<T>; };
    const auto row = this->target_of(pass, r, g);
    const T most = segment_max(z, g.first, g.last, n, stride);
    const T sum = segment_exponentials(z, most, dz, g.first, g.last, n, stride), log_sum = log<T>(sum);
    if (row.one_class(this->spec_.label_smoothing)) {
      const long o = at(g.first + row.first.label);
      const T l = log_sum - (z[o] - most);
      if (pass.training) {
        scale_segment(dz, w / sum, g.first, g.last, n, stride);
        dz[o] -= w;
      }
      return l;
    }
    T dot = 0, mass = 0;
    for (long c = g.first; c < g.last; c++) {
      const T y = this->target(pass, row, c, g);
      mass += y;
      dot += y * (z[at(c)] - most);
    }
    if (pass.training) {
      scale_segment(dz, w * mass / sum, g.first, g.last, n, stride);
      for (long c = g.first; c < g.last; c++) dz[at(c)] -= w * this->target(pass, row, c, g);
    }
    return mass * log_sum - dot;
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
