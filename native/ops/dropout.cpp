// Training: zero an element where its random number is below the rate, scale the others by 1 / (1 - rate).
//
// Whole channels: one number for all positions of a channel in a row, as Tompson and others (2015) do it for images.
//
// The mask is never stored: backward draws the same numbers again, or, where the ReLU before it is part of the op,
// reads it off the output (an element that was cut by either is zero, and so is its gradient).
#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T, bool relu>
class Dropout final : public Op<T> {
 public:
  Dropout(const OpSpec& s, const PlanSpec& plan)
      : Op<T>(s, plan),
        threshold_(static_cast<uint64_t>(s.rate * 4294967296.0)),
        scale_(static_cast<T>(1 / (1 - s.rate))) {}

  bool keeps_output() const override { return relu; }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* x = this->in(pass, rows.first);
    T* y = this->out(pass, rows.first);
    if (pass.training && threshold_ > 0)
      return each_kept(pass, rows, p, [&](long o, VecI<T> keep) {
        const Vec<T> v = load(x + o);
        store(y + o, cut(keep, v) ? v * scale_ : Vec<T>{});
      });
    if (relu || x != y)
      each(pass, rows, p, [&](long o) {
        const Vec<T> v = load(x + o);
        store(y + o, relu ? max_keep_nan<T>(v, Vec<T>{}) : v);
      });
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* dy = this->out_gradient(pass, rows.first);
    T* dx = this->in_gradient(pass, rows.first);
    [[maybe_unused]] const T* y = this->out(pass, rows.first);
    const T scale = threshold_ > 0 ? scale_ : T(1);
    if constexpr (relu)
      each(pass, rows, p, [&](long o) { store(dx + o, load(y + o) > T(0) ? load(dy + o) * scale : Vec<T>{}); });
    else if (threshold_ > 0)
      each_kept(pass, rows, p, [&](long o, VecI<T> keep) { store(dx + o, keep ? load(dy + o) * scale : Vec<T>{}); });
    else if (dx != dy)
      each(pass, rows, p, [&](long o) { store(dx + o, load(dy + o)); });
  }

 private:
  // A NaN passes the ReLU, so that a diverging run shows.
  static VecI<T> cut(VecI<T> keep, Vec<T> v) {
    if constexpr (relu) return keep & ~(VecI<T>)(v <= T(0));
    return keep;
  }

  template <class Body>
  void each(const Pass<T>& pass, Rows rows, Panels p, Body&& body) const {
    for (long panel = p.first; panel < p.last; panel++) {
      const long first = panel * this->stride(pass);
      for (long o = first + rows.first * kPanel<T>; o < first + rows.last * kPanel<T>; o += kLanes<T>) body(o);
    }
  }

  template <class Body>
  void each_kept(const Pass<T>& pass, Rows rows, Panels p, Body&& body) const {
    const RandomKey key = random_key(pass, this->spec.stream);
    const auto threshold = static_cast<std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>(threshold_);
    for (long panel = p.first; panel < p.last; panel++)
      for (long r = rows.first; r < rows.last; r++) {
        const long row = this->spec.whole ? r / this->in_positions : r;
        const auto element = static_cast<uint32_t>(row * this->in_width + panel * kPanel<T>);
        for (int v = 0; v < kPanel<T>; v += kLanes<T>)
          body(panel * this->stride(pass) + r * kPanel<T> + v,
               (VecI<T>)(random_bits<T>(key, element + static_cast<uint32_t>(v)) >= threshold));
      }
  }

  uint64_t threshold_;
  T scale_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_dropout(const OpSpec& s, const PlanSpec& plan) {
  if (s.rectified) return std::make_unique<Dropout<T, true>>(s, plan);
  return std::make_unique<Dropout<T, false>>(s, plan);
}
template std::unique_ptr<Op<float>> make_dropout<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_dropout<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
