// Training: zero an element where its random number is below the rate, scale the others by 1 / (1 - rate).
//
// The mask is never stored: backward draws the same numbers again, or, where the ReLU before it is part of the op,
// reads it off the output (an element that was cut by either is zero, and so is its gradient).
#include "ops/dropout.hpp"

#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T, bool relu>
class Dropout final : public Op<T> {
 public:
  Dropout(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan), dropped_(s, this->in_width, this->in_positions) {}

  bool keeps_output() const override { return relu; }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* x = this->in(pass, rows.first);
    T* y = this->out(pass, rows.first);
    if (pass.training && dropped_.any())
      return each_kept(pass, rows, p, [&](long o, VecI<T> kept) {
        const Vec<T> v = load(x + o);
        store(y + o, relu ? rectified<T>(kept, v, dropped_.scale) : scaled(kept, v));
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
    if constexpr (relu)
      each(pass, rows, p,
           [&](long o) { store(dx + o, load(y + o) > T(0) ? load(dy + o) * dropped_.scale : Vec<T>{}); });
    else if (dropped_.any())
      each_kept(pass, rows, p, [&](long o, VecI<T> kept) { store(dx + o, scaled(kept, load(dy + o))); });
    else if (dx != dy)
      each(pass, rows, p, [&](long o) { store(dx + o, load(dy + o)); });
  }

 private:
  Vec<T> scaled(VecI<T> kept, Vec<T> v) const { return kept ? v * dropped_.scale : Vec<T>{}; }

  template <class Body>
  void each(const Pass<T>& pass, Rows rows, Panels p, Body&& body) const {
    for (long panel = p.first; panel < p.last; panel++) {
      const long first = panel * this->stride(pass);
      for (long o = first + rows.first * kPanel<T>; o < first + rows.last * kPanel<T>; o += kLanes<T>) body(o);
    }
  }

  template <class Body>
  void each_kept(const Pass<T>& pass, Rows rows, Panels p, Body&& body) const {
    const auto kept = dropped_.in(pass);
    for (long panel = p.first; panel < p.last; panel++)
      for (long r = rows.first; r < rows.last; r++)
        for (int v = 0; v < kPanel<T>; v += kLanes<T>)
          body(panel * this->stride(pass) + r * kPanel<T> + v, kept(r, panel * kPanel<T> + v));
  }

  Dropped<T> dropped_;
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
