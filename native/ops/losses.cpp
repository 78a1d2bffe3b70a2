// The batch loss and its gradient with respect to the value it starts from.
//
// l_i is the mean over outputs (the sum over classes for cross-entropy); the batch loss is scale sum w_i l_i / sum w_i.
// Block sums of w_i l_i go to the op's scratch, in double, for whoever adds them in order. RMSE needs the whole batch
// before its gradient: it is the one loss that reduces.
#include <utility>

#include "ops/label_noise.hpp"
#include "ops/mix.hpp"
#include "ops/ops.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

template <class T>
struct Point {
  Vec<T> loss, slope;  // of one output with respect to the prediction or logit
};

// One elementwise loss: z is the logit (or the prediction when the link is identity), y the target.
template <class T, LossKind kind, Link link>
inline Point<T> point(Vec<T> z, Vec<T> y, T parameter) {
  const Vec<T> zero{}, one = splat(T(1));
  if constexpr (kind == LossKind::mse || kind == LossKind::rmse) {
    const Vec<T> e = z - y;
    return {e * e, e + e};
  } else if constexpr (kind == LossKind::mae) {
    const Vec<T> e = z - y;
    return {abs<T>(e), e > zero ? one : e < zero ? -one : e};
  } else if constexpr (kind == LossKind::huber) {
    const Vec<T> e = z - y, a = abs<T>(e), d = splat(parameter);
    return {a > d ? d * (a - T(0.5) * d) : T(0.5) * e * e, e > d ? d : e < -d ? -d : e};
  } else if constexpr (kind == LossKind::pinball) {
    const Vec<T> e = y - z, above = splat(parameter) * e, below = splat(parameter - T(1)) * e;
    return {above > below ? above : below, e > zero ? -splat(parameter) : e < zero ? splat(T(1) - parameter) : e};
  } else if constexpr (kind == LossKind::hinge) {
    const Vec<T> margin = T(1) - y * z;
    return {max_keep_nan<T>(margin, zero), margin > zero ? -y : zero};
  } else if constexpr (kind == LossKind::poisson && link == Link::exponential) {
    const Vec<T> p = exp<T>(z);
    return {p - y * z, p - y};
  } else if constexpr (kind == LossKind::bce && link == Link::sigmoid) {
    // log(1 + e^z) - y z, with the large parts cancelled before the small one is added
    return {max_keep_nan<T>(z, zero) - y * z + log1p_unit<T>(exp<T>(-abs<T>(z))), sigmoid<T>(z) - y};
  } else {
    // From a probability (or a Poisson mean): logarithms of a clipped number, no slope where it was clipped.
    const T low = T(1e-7);
    const VecI<T> poisson = kind == LossKind::poisson ? ~VecI<T>{} : VecI<T>{};
    const Vec<T> high = splat(T(1) - low);
    const VecI<T> inside = (z > splat(low)) & (poisson | (VecI<T>)(z < high));
    Vec<T> p = max_keep_nan<T>(z, splat(low));
    if constexpr (kind == LossKind::poisson) {
      return {z - y * log<T>(p), inside ? T(1) - y / p : one};
    } else {
      p = min_keep_nan<T>(p, high);
      return {-(y * log<T>(p) + (T(1) - y) * log<T>(T(1) - p)), inside ? (p - y) / (p * (T(1) - p)) : zero};
    }
  }
}

template <class T>
class Loss : public Op<T> {
 public:
  // `mix`: the op that mixed the rows, or null.
  Loss(const LossSpec& l, const PlanSpec& plan, const Mix<T>* mix)
      : Op<T>({OpKind::softmax, l.prediction, l.prediction}, plan), spec_(l), noise_(l), mix_(mix) {}

  bool by_row() const override { return true; }
  bool keeps_input() const override { return true; }

  // A double per block of rows, after which a row of class probabilities.
  long scratch_size(long blocks, int) const override {
    return padded<T>(blocks * static_cast<long>(sizeof(double) / sizeof(T)));
  }

 protected:
  double* block_losses(const Pass<T>& pass) const { return reinterpret_cast<double*>(this->scratch(pass)); }

  double weight(const Pass<T>& pass, long source) const {
    return pass.data->weight ? static_cast<double>(pass.data->weight[source]) : 1.0;
  }

  // Calls row(line, line of the data, w / sum w), which returns the line's loss, and keeps the block sums;
  // prepare(first, last) comes before each kRowBlock lines or less. A row's loss is the mean over its lines, or, where
  // rows have lengths of their own, over so many of them.
  template <class Prepare, class Row>
  void each_row(const Pass<T>& pass, Rows rows, Prepare&& prepare, Row&& row) const {
    const long q = this->in_positions, block = this->block_lines(pass);
    const double share = pass.weight_sum != 0 ? spec_.scale / pass.weight_sum : 0;
    for (long begin = rows.first; begin < rows.last; begin += block) {
      const long end = std::min(rows.last, begin + block);
      double sum = 0;
      for (long first = begin; first < end; first += kRowBlock) {
        const long last = std::min(end, first + kRowBlock);
        prepare(first, last);
        for (long r = first; r < last; r++) {
          const long source = pass.source(r / q);
          const long lines = pass.data->lengths && q > 1 ? pass.data->lengths[source] : q;
          const double part = 1 / static_cast<double>(lines), w = r % q < lines ? weight(pass, source) * part : 0;
          const T l = row(r, source * q + r % q, static_cast<T>(w * share));
          if (w != 0) sum += w * static_cast<double>(l);
        }
      }
      block_losses(pass)[begin / block] = sum;
    }
  }

  // Of a line: its place in the data, the line its row was mixed with, and what the row has kept of itself.
  long data_line(const Pass<T>& pass, long line) const {
    const long q = this->in_positions;
    return pass.source(line / q) * q + line % q;
  }
  long partner(const Pass<T>& pass, long line) const {
    const long q = this->in_positions;
    return mix_->partner(pass, line / q) * q + line % q;
  }
  T share(const Pass<T>& pass, long line) const { return mix_->share(pass, line / this->in_positions); }

  LossSpec spec_;
  LabelNoise<T> noise_;
  const Mix<T>* mix_;
};

template <class T, LossKind kind, Link link>
class Elementwise final : public Loss<T> {
 public:
  using Loss<T>::Loss;

  bool reduces() const override { return kind == LossKind::rmse; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long n = this->in_width, stride = this->stride(pass);
    const T each = T(1) / static_cast<T>(n), parameter = static_cast<T>(this->spec_.parameter);
    const T keep = static_cast<T>(1 - this->spec_.label_smoothing),
            add = static_cast<T>(this->spec_.label_smoothing / 2);
    const Vec<T> ceiling = splat(static_cast<T>(this->spec_.ceiling));
    this->each_row(
        pass, rows, [](long, long) {},
        [&](long r, long source, T w) {
          const T* z = this->in(pass, rows.first) + r * kPanel<T>;
          T* dz = pass.training ? this->in_gradient(pass, rows.first) + r * kPanel<T> : nullptr;
          const T* y = pass.data->y + source * n;
          const bool mixes = pass.training && this->mix_;
          const long other = mixes ? this->partner(pass, r) : r;
          const T* const y_other = pass.data->y + this->data_line(pass, other) * n;
          const Vec<T> share = splat(mixes ? this->share(pass, r) : T(1));
          const bool noisy = this->noise_.active(pass);
          const T scale = w * each;
          LaneSums<T> sums;
          each_in_row<T>(n, stride, [&](long o, long c) {
            const VecI<T> real = real_columns<T>(c, n);
            Vec<T> target = target_at(y + c, n - c);
            if (noisy) target = this->noise_.noisy(pass, target, r, c, n);
            if (mixes) {
              Vec<T> second = target_at(y_other + c, n - c);
              if (noisy) second = this->noise_.noisy(pass, second, other, c, n);
              target = fma<T>(share, target, (T(1) - share) * second);
            }
            if constexpr (kind == LossKind::bce) target = fma<T>(target, splat(keep), splat(add));
            Point<T> p = point<T, kind, link>(load(z + o), target, parameter);
            if constexpr (kind == LossKind::bce) p.loss = min_keep_nan<T>(p.loss, ceiling);
            sums.add(c, real ? p.loss : Vec<T>{});
            if (dz) store(dz + o, real ? p.slope * scale : Vec<T>{});
          });
          return sums.total() * each;
        });
  }

  // RMSE: the slopes so far are those of the mean square; divide by twice its root.
  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    double sum = 0;
    for (long b = 0; b < pass.row_blocks(); b++) sum += this->block_losses(pass)[b];
    const double root = pass.weight_sum > 0 ? std::sqrt(sum / pass.weight_sum) : 0;
    const T scale = root > 0 ? static_cast<T>(0.5 / root) : T(0);
    for (long r = rows.first; r < rows.last; r++) {
      T* dz = this->in_gradient(pass, rows.first) + r * kPanel<T>;
      each_in_row<T>(this->in_width, this->stride(pass), [&](long o, long) { store(dz + o, load(dz + o) * scale); });
    }
  }

 private:
  // The caller's row has no padding: never read past it.
  static Vec<T> target_at(const T* y, long left) {
    if (left >= kLanes<T>) return load_unaligned(y);
    Vec<T> v{};
    for (long i = 0; i < left; i++) v[i] = y[i];
    return v;
  }
};

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

template <class T, LossKind kind>
std::unique_ptr<Op<T>> with_link(const LossSpec& l, const PlanSpec& plan, const Mix<T>* mix) {
  if constexpr (kind == LossKind::bce)
    if (l.link == Link::sigmoid) return std::make_unique<Elementwise<T, kind, Link::sigmoid>>(l, plan, mix);
  if constexpr (kind == LossKind::poisson)
    if (l.link == Link::exponential) return std::make_unique<Elementwise<T, kind, Link::exponential>>(l, plan, mix);
  return std::make_unique<Elementwise<T, kind, Link::identity>>(l, plan, mix);
}

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_loss(const LossSpec& l, const PlanSpec& plan,
                                 const std::vector<std::unique_ptr<Op<T>>>& ops) {
  const Mix<T>* mix = nullptr;
  for (const auto& op : ops)
    if (op->spec.kind == OpKind::mix) mix = static_cast<const Mix<T>*>(op.get());
  switch (l.kind) {
    case LossKind::mse: return with_link<T, LossKind::mse>(l, plan, mix);
    case LossKind::mae: return with_link<T, LossKind::mae>(l, plan, mix);
    case LossKind::rmse: return with_link<T, LossKind::rmse>(l, plan, mix);
    case LossKind::bce: return with_link<T, LossKind::bce>(l, plan, mix);
    case LossKind::huber: return with_link<T, LossKind::huber>(l, plan, mix);
    case LossKind::poisson: return with_link<T, LossKind::poisson>(l, plan, mix);
    case LossKind::pinball: return with_link<T, LossKind::pinball>(l, plan, mix);
    case LossKind::hinge: return with_link<T, LossKind::hinge>(l, plan, mix);
    case LossKind::cce: break;
  }
  if (!l.groups.empty()) {
    if (l.link == Link::softmax) return std::make_unique<GroupedCategorical<T, true>>(l, plan, mix);
    return std::make_unique<GroupedCategorical<T, false>>(l, plan, mix);
  }
  if (l.link == Link::softmax) return std::make_unique<Categorical<T, true>>(l, plan, mix);
  return std::make_unique<Categorical<T, false>>(l, plan, mix);
}
template std::unique_ptr<Op<float>> make_loss<float>(const LossSpec&, const PlanSpec&,
                                                     const std::vector<std::unique_ptr<Op<float>>>&);
template std::unique_ptr<Op<double>> make_loss<double>(const LossSpec&, const PlanSpec&,
                                                       const std::vector<std::unique_ptr<Op<double>>>&);

}  // namespace descend
