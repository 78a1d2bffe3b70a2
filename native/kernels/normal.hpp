// A standard normal number from 32 random bits by the inverse of the distribution function: no sine, no rejection, one
// number of bits per number, so that element e of a stream never depends on another one.
#pragma once

#include "kernels/math.hpp"

namespace descend {

namespace detail {

// With t = -log P(|Z| > z) the quotient z / t as a polynomial in (s - 1) / (s + 1), s = sqrt(t + log 2): the Chebyshev
// interpolant over 0 <= t <= 22.19 through 9 (float) or 20 (double) nodes, in powers of that variable. The quotient is
// singular at t = -log 2, so t itself would need several times the terms.
template <class T>
struct Normal;
template <>
struct Normal<float> {
  static constexpr float terms[9] = {1.09979423f,   -1.61148974f, 0.717855659f,   -0.344512601f, 0.235979871f,
                                     -0.172768387f, 0.121673985f, -0.0645281179f, 0.0181082282f};
};
template <>
struct Normal<double> {
  static constexpr double terms[20] = {
      1.09979424135657962,     -1.6114897918418503,    0.717850852553701002,    -0.344475816029330255,
      0.236276760854238604,    -0.177178908651758238,  0.142945033742545504,    -0.118861855743662118,
      0.102199670545316425,    -0.0890350204216317284, 0.0791081883286076805,   -0.0706920014327726296,
      0.0627883318708322101,   -0.0524414845050249952, 0.0366416495525916119,   -0.0156991523057164707,
      -0.00287714072680607883, 0.0103280307499976545,  -0.00702146962615378405, 0.00183349010610089347};
};

// An integer from 0 to 2^31 - 1 in each lane as a number.
template <class T>
inline Vec<T> to_number(VecU<T> x) {
  if constexpr (sizeof(T) == 4) {
    return __builtin_convertvector((VecI<T>)x, Vec<T>);
  } else {
    constexpr double two_52 = 4503599627370496.0;  // its last mantissa bit counts as 1
    return (Vec<T>)(x | (VecU<T>)splat<T>(two_52)) - two_52;
  }
}

}  // namespace detail

// z with P(Z < z) = (bits + 1/2) / 2^32, |z| < 6.4; `bits` as random_bits gives them.
template <class T>
inline Vec<T> normal(VecU<T> bits) {
  using N = detail::Normal<T>;
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr int n = sizeof(N::terms) / sizeof(T);
  const VecI<T> upper = (VecI<T>)(bits >= U(0x80000000u));
  const VecU<T> tail = upper ? bits ^ U(0xffffffffu) : bits;  // both sides alike: from the nearer end
  const Vec<T> t = -log<T>((detail::to_number<T>(tail) + T(0.5)) * T(0x1p-31));
  const Vec<T> s = sqrt<T>(t + T(0.69314718055994530942));
  const Vec<T> x = (s - T(1)) / (s + T(1));
  Vec<T> p = splat<T>(N::terms[n - 1]);
  for (int i = n - 2; i >= 0; i--) p = fma<T>(p, x, splat<T>(N::terms[i]));
  return upper ? p * t : -(p * t);
}

}  // namespace descend
