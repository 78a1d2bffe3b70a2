// Elementwise functions and their derivatives, one vector at a time.
#pragma once

#include "kernels/math.hpp"
#include "runtime/spec.hpp"

namespace descend {

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

}  // namespace descend
