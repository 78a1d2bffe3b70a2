// Elementwise functions and their derivatives. Where the derivative follows from the output alone, the op works in
// place.
#include "kernels/math.hpp"
#include "ops/ops.hpp"

namespace descend {

namespace {

inline constexpr double kSeluScale = 1.0507009873554804934, kSeluAlpha = 1.6732632423543772848;

// value(x) and slope(s) for each function; s is the output where from_output holds, else the input.
template <class T, Function f>
struct Curve {
  static constexpr bool from_output = f != Function::gelu && f != Function::silu && f != Function::mish;
  T alpha;

  Vec<T> value(Vec<T> x) const {
    const Vec<T> zero{};
    if constexpr (f == Function::sigmoid) return sigmoid<T>(x);
    if constexpr (f == Function::tanh) return tanh<T>(x);
    if constexpr (f == Function::relu) return max_keep_nan<T>(x, zero);
    if constexpr (f == Function::leaky_relu) return x > zero ? x : x * alpha;
    if constexpr (f == Function::elu) return x > zero ? x : expm1_negative<T>(x > zero ? zero : x) * alpha;
    if constexpr (f == Function::selu)
      return T(kSeluScale) * (x > zero ? x : expm1_negative<T>(x > zero ? zero : x) * T(kSeluAlpha));
    if constexpr (f == Function::gelu) return x * T(0.5) * erfc<T>(x * T(-0.70710678118654752440));
    if constexpr (f == Function::silu) return x * sigmoid<T>(x);
    if constexpr (f == Function::softplus) return softplus<T>(x);
    if constexpr (f == Function::hard_sigmoid)
      return min_keep_nan<T>(max_keep_nan<T>(x / T(6) + T(0.5), zero), splat(T(1)));
    if constexpr (f == Function::mish) return x * tanh<T>(softplus<T>(x));
    if constexpr (f == Function::exponential) return exp<T>(x);
    return x;
  }

  Vec<T> slope(Vec<T> s) const {
    const Vec<T> zero{}, one = splat(T(1));
    if constexpr (f == Function::sigmoid) return s * (T(1) - s);
    if constexpr (f == Function::tanh) return T(1) - s * s;
    if constexpr (f == Function::relu) return s > zero ? one : zero;
    if constexpr (f == Function::leaky_relu) return s > zero ? one : splat(alpha);
    if constexpr (f == Function::elu) return s > zero ? one : s + alpha;
    if constexpr (f == Function::selu) return s > zero ? splat(T(kSeluScale)) : s + T(kSeluScale * kSeluAlpha);
    if constexpr (f == Function::gelu)
      return T(0.5) * erfc<T>(s * T(-0.70710678118654752440)) + s * T(0.39894228040143267794) * exp<T>(s * s * T(-0.5));
    if constexpr (f == Function::silu) {
      const Vec<T> y = sigmoid<T>(s);
      return y * (T(1) + s * (T(1) - y));
    }
    if constexpr (f == Function::softplus) return -expm1_negative<T>(-s);
    if constexpr (f == Function::hard_sigmoid) return ((s > zero) & (s < one)) ? splat(T(1) / T(6)) : zero;
    if constexpr (f == Function::mish) {
      const Vec<T> y = tanh<T>(softplus<T>(s));
      return y + s * (T(1) - y * y) * sigmoid<T>(s);
    }
    if constexpr (f == Function::exponential) return s;
    return one;
  }
};

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
    each(pass, rows, p, [&](long o) { store(y + o, curve_.value(load(x + o))); });
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
