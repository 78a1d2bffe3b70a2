// Elementwise functions. Where the derivative follows from the output alone, the op works in place. An activation that
// works in training only leaves inference to the op before it.
#include "ops/curves.hpp"
#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T, Function f>
class Activation final : public Op<T> {
 public:
  Activation(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan), curve_{static_cast<T>(s.alpha)} {}

  // With a slope or alpha that is not positive, the output no longer tells which side the input was on.
  bool from_output() const {
    return Curve<T, f>::from_output && ((f != Function::leaky_relu && f != Function::elu) || curve_.alpha > T(0));
  }
  bool keeps_input() const override { return !from_output(); }
  bool keeps_output() const override { return from_output() && f != Function::linear; }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* x = this->in(pass, rows.first);
    T* y = this->out(pass, rows.first);
    if (pass.training || !this->spec.training_only)
      each(pass, rows, p, [&](long o) { store(y + o, curve_.value(load(x + o))); });
    else if (x != y)
      each(pass, rows, p, [&](long o) { store(y + o, load(x + o)); });
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* known = from_output() ? this->out(pass, rows.first) : this->in(pass, rows.first);
    const T* dy = this->out_gradient(pass, rows.first);
    T* dx = this->in_gradient(pass, rows.first);
    each(pass, rows, p, [&](long o) {
      const Vec<T> s = load(known + o), g = load(dy + o);
      if constexpr (f == Function::elu)
        store(dx + o, g * (from_output() ? curve_.slope(s) : slope_of_input(s)));
      else
        store(dx + o, g * curve_.slope(s));
    });
  }

 private:
  Vec<T> slope_of_input(Vec<T> x) const {
    return x > T(0) ? splat(T(1)) : curve_.alpha * exp<T>(x > T(0) ? Vec<T>{} : x);
  }

  template <class Body>
  void each(const Pass<T>& pass, Rows rows, Panels p, Body&& body) const {
    for (long panel = p.first; panel < p.last; panel++) {
      const long first = panel * this->stride(pass);
      for (long o = first + rows.first * kPanel<T>; o < first + rows.last * kPanel<T>; o += kLanes<T>) body(o);
    }
  }

  Curve<T, f> curve_;
};

template <class T, int... i>
std::unique_ptr<Op<T>> make_one_of(const OpSpec& s, const PlanSpec& plan, std::integer_sequence<int, i...>) {
  std::unique_ptr<Op<T>> op;
  ((static_cast<int>(s.function) == i ? void(op = std::make_unique<Activation<T, static_cast<Function>(i)>>(s, plan))
                                      : void()),
   ...);
  return op;
}

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_activation(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>&) {
  return make_one_of<T>(s, plan, std::make_integer_sequence<int, static_cast<int>(Function::exponential) + 1>{});
}
template std::unique_ptr<Op<float>> make_activation<float>(const OpSpec&, const PlanSpec&,
                                                           const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_activation<double>(const OpSpec&, const PlanSpec&,
                                                             const std::vector<Placement>&);

}  // namespace descend
