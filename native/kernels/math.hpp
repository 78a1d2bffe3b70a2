// exp, log, tanh, erf and their kin, built from polynomials only, so that they give the same bits on every machine.
// Series are taken until their first dropped term is below half a unit in the last place of T.
#pragma once

#include "kernels/vec.hpp"

namespace descend {

namespace detail {

template <class T>
struct Format;
template <>
struct Format<float> {
  static constexpr int mantissa = 23, bias = 127, exp_terms = 7, log_terms = 4, log1p_terms = 8;
  static constexpr float round = 12582912.0f;  // 1.5 * 2^23: adding and subtracting it rounds to an integer
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr float lowest = -104.0f, highest = 89.0f;  // exp underflows and overflows beyond
};
template <>
struct Format<double> {
  static constexpr int mantissa = 52, bias = 1023, exp_terms = 13, log_terms = 10, log1p_terms = 17;
  static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  static constexpr double lowest = -746.0, highest = 710.0;
};

// 2^n for integer n in the normal range.
template <class T>
inline Vec<T> exp2_int(VecI<T> n) {
  return (Vec<T>)((n + Format<T>::bias) << Format<T>::mantissa);
}

// x = n ln 2 + r with |r| <= ln 2 / 2; returns r, and n as an integer.
template <class T>
inline Vec<T> reduce(Vec<T> x, VecI<T>& n) {
  using F = Format<T>;
  const Vec<T> shifted = fma<T>(x, splat<T>(T(1.4426950408889634074)), splat<T>(F::round));
  const Vec<T> k = shifted - F::round;
  n = (VecI<T>)shifted - (VecI<T>)splat<T>(F::round);
  return fma<T>(k, splat<T>(-F::ln2_low), fma<T>(k, splat<T>(-F::ln2_high), x));
}

// (e^r - 1) for |r| <= ln 2 / 2, by its Taylor series: r (1 + r/2 (1 + r/3 (1 + ...))).
template <class T>
inline Vec<T> expm1_reduced(Vec<T> r) {
  T factorial[Format<T>::exp_terms + 1];
  factorial[0] = 1;
  for (int i = 1; i <= Format<T>::exp_terms; i++) factorial[i] = factorial[i - 1] * i;
  Vec<T> p = splat<T>(1 / factorial[Format<T>::exp_terms]);
  for (int i = Format<T>::exp_terms - 1; i >= 2; i--) p = fma<T>(p, r, splat<T>(1 / factorial[i]));
  return fma<T>(p * r, r, r);
}

// 2 atanh(s) = 2 (s + s^3/3 + s^5/5 + ...), terms up to s^(2 terms + 1).
template <class T, int terms>
inline Vec<T> twice_atanh(Vec<T> s) {
  const Vec<T> q = s * s;
  Vec<T> p = splat<T>(T(2) / (2 * terms + 1));
  for (int i = terms - 1; i >= 1; i--) p = fma<T>(p, q, splat<T>(T(2) / (2 * i + 1)));
  return fma<T>(p * q, s, s + s);
}

}  // namespace detail

// e^x; 0 and infinity where it underflows and overflows.
template <class T>
inline Vec<T> exp(Vec<T> x) {
  using F = detail::Format<T>;
  x = min_keep_nan<T>(max_keep_nan<T>(x, splat<T>(F::lowest)), splat<T>(F::highest));
  VecI<T> n;
  const Vec<T> r = detail::reduce<T>(x, n);
  const VecI<T> half = n >> 1;  // two factors reach the denormals and infinity
  return (detail::expm1_reduced<T>(r) + T(1)) * detail::exp2_int<T>(half) * detail::exp2_int<T>(n - half);
}

// e^x - 1 for x <= 0, exact near zero.
template <class T>
inline Vec<T> expm1_negative(Vec<T> x) {
  x = max_keep_nan<T>(x, splat<T>(sizeof(T) == 4 ? T(-30) : T(-60)));
  VecI<T> n;
  const Vec<T> r = detail::reduce<T>(x, n);
  const Vec<T> scale = detail::exp2_int<T>(n);
  return fma<T>(detail::expm1_reduced<T>(r), scale, scale - T(1));
}

// Natural logarithm of x > 0 (normal numbers); -infinity at 0, NaN below.
template <class T>
inline Vec<T> log(Vec<T> x) {
  using F = detail::Format<T>;
  const VecI<T> root_half = (VecI<T>)splat<T>(T(0.70710678118654752440));
  const VecI<T> e = ((VecI<T>)x - root_half) >> F::mantissa;
  const Vec<T> m = (Vec<T>)((VecI<T>)x - (e << F::mantissa));  // in [sqrt(1/2), sqrt(2))
  const Vec<T> s = (m - T(1)) / (m + T(1));
  const Vec<T> k = __builtin_convertvector(e, Vec<T>);
  const Vec<T> series = detail::twice_atanh<T, F::log_terms>(s);
  const Vec<T> r = fma<T>(k, splat<T>(F::ln2_high), fma<T>(k, splat<T>(F::ln2_low), series));
  const Vec<T> special = x == T(0) ? splat<T>(-INFINITY) : x == splat<T>(INFINITY) ? x : splat<T>(NAN);
  return ((x > T(0)) & (x < splat<T>(INFINITY))) ? r : special;
}

// log(1 + x) for 0 <= x <= 1.
template <class T>
inline Vec<T> log1p_unit(Vec<T> x) {
  return detail::twice_atanh<T, detail::Format<T>::log1p_terms>(x / (x + T(2)));
}

// 1 / (1 + e^-x).
template <class T>
inline Vec<T> sigmoid(Vec<T> x) {
  return T(1) / (T(1) + exp<T>(-x));
}

// tanh x = (1 - e^(-2|x|)) / (1 + e^(-2|x|)) with the sign of x.
template <class T>
inline Vec<T> tanh(Vec<T> x) {
  const Vec<T> t = expm1_negative<T>(abs<T>(x) * T(-2));
  const Vec<T> y = -t / (t + T(2));
  return x < T(0) ? -y : y;
}

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
template <class T>
inline Vec<T> softplus(Vec<T> x) {
  return max_keep_nan<T>(x, Vec<T>{}) + log1p_unit<T>(exp<T>(-abs<T>(x)));
}

// The sine and cosine of 2 pi t by their Taylor series; where |t| is beyond 2^21, those of 0.
template <class T>
inline void sine_cosine_of_turns(Vec<T> t, Vec<T>& sine, Vec<T>& cosine) {
  using F = detail::Format<T>;
  constexpr int terms = sizeof(T) == 4 ? 6 : 11;
  t = abs<T>(t) < T(2097152) ? t : Vec<T>{};
  const Vec<T> shifted = fma<T>(t, splat<T>(T(2)), splat<T>(F::round));  // to the nearest half turn
  const Vec<T> a = fma<T>(shifted - F::round, splat<T>(T(-0.5)), t) * T(6.28318530717958647692), q = a * a;
  double factor[2 * terms + 2] = {1};  // (-1)^(i / 2) / i!
  for (int i = 1; i < 2 * terms + 2; i++) factor[i] = factor[i - 1] / (i % 2 == 0 ? -i : i);
  Vec<T> s = splat<T>(static_cast<T>(factor[2 * terms + 1])), c = splat<T>(static_cast<T>(factor[2 * terms]));
  for (int i = terms - 1; i >= 1; i--) {
    s = fma<T>(s, q, splat<T>(static_cast<T>(factor[2 * i + 1])));
    c = fma<T>(c, q, splat<T>(static_cast<T>(factor[2 * i])));
  }
  const VecU<T> odd = (VecU<T>)shifted << (8 * sizeof(T) - 1);  // both change signs from one half turn to the next
  sine = (Vec<T>)((VecU<T>)fma<T>(s * q, a, a) ^ odd);
  cosine = (Vec<T>)((VecU<T>)fma<T>(c, q, splat<T>(T(1))) ^ odd);
}

namespace detail {

// (1 + 2x) e^(x^2) erfc(x) for x >= 0 as a polynomial in (x - 3.75) / (x + 3.75): the Chebyshev interpolant through
// 14 (float) or 26 (double) nodes, in powers of that variable.
template <class T>
struct Erfc;
template <>
struct Erfc<float> {
  static constexpr float terms[14] = {1.23751263f,    -1.40240599e-1f, 3.58549743e-3f, 8.2276751e-2f,   -1.08805252e-1f,
                                      9.23041217e-2f, -5.86853366e-2f, 2.83634738e-2f, -9.77028671e-3f, 1.7522095e-3f,
                                      3.30344209e-4f, -2.85154339e-4f, 2.1987966e-5f,  1.87807363e-5f};
};
template <>
struct Erfc<double> {
  static constexpr double terms[26] = {
      1.23751263083782758,     -1.40240598585547019e-1, 3.58541548546445848e-3,  8.22767384901510862e-2,
      -1.08803930141750237e-1, 9.230432116019638e-2,    -5.86933985896111604e-2, 2.83622774215439786e-2,
      -9.74657955827515137e-3, 1.75562583219153563e-3,  2.93713666984613073e-4,  -2.90153978137838395e-4,
      5.16490938858217061e-5,  2.23839082766003814e-5,  -1.14441343896584754e-5, -9.7284134518150776e-7,
      1.75161894069436766e-6,  -5.82750186276869118e-8, -2.58648991071832221e-7, 2.43018394845030836e-8,
      3.86624206628379196e-8,  -4.39692191676290559e-9, -5.16908064481593121e-9, 5.48508452008362544e-10,
      4.24330382510967582e-10, -3.79806472359002859e-11};
};

}  // namespace detail

// erfc x = 1 - erf x, for the normal distribution inside GELU.
template <class T>
inline Vec<T> erfc(Vec<T> x) {
  using E = detail::Erfc<T>;
  constexpr int n = sizeof(E::terms) / sizeof(T);
  const Vec<T> a = min_keep_nan<T>(abs<T>(x), splat<T>(T(30)));
  const Vec<T> t = (a - T(3.75)) / (a + T(3.75));
  Vec<T> p = splat<T>(E::terms[n - 1]);
  for (int i = n - 2; i >= 0; i--) p = fma<T>(p, t, splat<T>(E::terms[i]));
  const Vec<T> y = p / fma<T>(a, splat<T>(T(2)), splat<T>(T(1))) * exp<T>(-a * a);
  return x < T(0) ? T(2) - y : y;
}

// log of one number, for the places that need a single one.
template <class T>
inline T log(T x) {
  return log<T>(splat<T>(x))[0];
}

}  // namespace descend
