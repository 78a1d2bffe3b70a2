// The losses of one output at a time, and their gradients with respect to the value they start from; see loss.hpp.
//
// RMSE needs the whole batch before its gradient: it is the one loss that reduces.
#include "ops/loss.hpp"
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
          const T* const y_other = mixes ? pass.data->y + this->data_line(pass, other) * n : y;
          const Vec<T> share = splat(mixes ? this->share(pass, r) : T(1));
          const bool noisy = this->noise_.active(pass);
          const T scale = w * each;
          LaneSums<T> sums;
          each_in_row<T>(n, stride, [&](long o, long c) {
            const VecI<T> real = real_columns<T>(c, n);
            Vec<T> target = load_part(y + c, n - c);  // the caller's row has no padding
            if (noisy) target = this->noise_.noisy(pass, target, r, c, n);
            if (mixes) {
              Vec<T> second = load_part(y_other + c, n - c);
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
  return make_categorical<T>(l, plan, mix);
}
template std::unique_ptr<Op<float>> make_loss<float>(const LossSpec&, const PlanSpec&,
                                                     const std::vector<std::unique_ptr<Op<float>>>&);
template std::unique_ptr<Op<double>> make_loss<double>(const LossSpec&, const PlanSpec&,
                                                       const std::vector<std::unique_ptr<Op<double>>>&);

}  // namespace descend
