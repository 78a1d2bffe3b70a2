// Training: y = x + stddev z with z standard normal, drawn anew for every step and element. dx = dy.
//
// Rows 2 i and 2 i + 1 share their random bits: an element and the one below it are a pair of normal_pair. Who has only
// one of them, because the other is another thread's or there is none, makes both and takes that one.
#include "kernels/normal.hpp"
#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T>
class GaussianNoise final : public Op<T> {
 public:
  GaussianNoise(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan), deviation_(static_cast<T>(s.deviation)) {}

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* x = this->in(pass, rows.first);
    T* y = this->out(pass, rows.first);
    if (!pass.training || deviation_ == 0) return copy(pass, rows, p, x, y);
    const RandomKey key = random_key(pass, this->spec.stream);
    const Vec<T> deviation = splat(deviation_);
    for (long panel = p.first; panel < p.last; panel++) {
      const long column = panel * this->stride(pass);
      for (long r = rows.first; r < rows.last;) {
        const auto element = static_cast<uint32_t>(r / 2 * this->in_width + panel * kPanel<T>);
        const bool even = r % 2 == 0, both = even && r + 1 < rows.last;
        for (int v = 0; v < kPanel<T>; v += kLanes<T>) {
          const long o = column + r * kPanel<T> + v;
          Vec<T> upper, lower;
          normal_pair<T>(random_bits<T>(key, element + static_cast<uint32_t>(v)), upper, lower);
          store(y + o, fma<T>(deviation, even ? upper : lower, load(x + o)));
          if (both) store(y + o + kPanel<T>, fma<T>(deviation, lower, load(x + o + kPanel<T>)));
        }
        r += both ? 2 : 1;
      }
    }
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    copy(pass, rows, p, this->out_gradient(pass, rows.first), this->in_gradient(pass, rows.first));
  }

 private:
  void copy(const Pass<T>& pass, Rows rows, Panels p, const T* from, T* to) const {
    if (from == to) return;
    for (long panel = p.first; panel < p.last; panel++) {
      const long first = panel * this->stride(pass);
      for (long o = first + rows.first * kPanel<T>; o < first + rows.last * kPanel<T>; o += kLanes<T>)
        store(to + o, load(from + o));
    }
  }

  T deviation_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_gaussian_noise(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<GaussianNoise<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_gaussian_noise<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_gaussian_noise<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
