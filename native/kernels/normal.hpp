// Standard normal numbers from 32 random bits: one by the inverse of the distribution function, where each number needs
// bits of its own, or two at half the price for each, where numbers come in pairs. No rejection: the same bits, the
// same numbers, whatever else is drawn.
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

// terms[0] + terms[1] x + terms[2] x^2 + ...
template <class T, int n>
inline Vec<T> polynomial(const T (&terms)[n], Vec<T> x) {
  Vec<T> p = splat<T>(terms[n - 1]);
  for (int i = n - 2; i >= 0; i--) p = fma<T>(p, x, splat<T>(terms[i]));
  return p;
}

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
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const VecI<T> upper = (VecI<T>)(bits >= U(0x80000000u));
  const VecU<T> tail = upper ? bits ^ U(0xffffffffu) : bits;  // both sides alike: from the nearer end
  const Vec<T> t = -log<T>((detail::to_number<T>(tail) + T(0.5)) * T(0x1p-31));
  const Vec<T> s = sqrt<T>(t + T(0.69314718055994530942));
  const Vec<T> x = (s - T(1)) / (s + T(1));
  const Vec<T> p = detail::polynomial<T>(detail::Normal<T>::terms, x);
  return upper ? p * t : -(p * t);
}

namespace detail {

// -2 log(1 + x) / x for 1 + x from sqrt(1/2) to sqrt(2), and sin(pi h) / h and (cos(pi h) - 1) / h^2 in h^2 for |h| <=
// 1/2: Chebyshev interpolants in powers.
template <class T>
struct Pair;
template <>
struct Pair<float> {
  static constexpr float radius[9] = {-1.99999995f, 0.999999928f,  -0.666683866f, 0.500027044f, -0.399118667f,
                                      0.331559858f, -0.299548026f, 0.285385164f,  -0.170666262f};
  static constexpr float sine[5] = {3.14159264f, -5.16771008f, 2.55007739f, -0.598290411f, 7.76559123e-2f};
  static constexpr float cosine[5] = {-4.9348022f, 4.05871141f, -1.33523996f, 0.235074368f, -2.46271116e-2f};
};
template <>
struct Pair<double> {
  static constexpr double radius[20] = {
      -2.00000000000000009,  0.999999999999998466, -0.666666666666518189, 0.500000000000671943,
      -0.400000000041138521, 0.333333333269829366, -0.285714281303960658, 0.249999999936279867,
      -0.222222458570949303, 0.200000255996072165, -0.181811177271301342, 0.166652994260077199,
      -0.153962781192191588, 0.143186155260050404, -0.132338322074596774, 0.120898644973037522,
      -0.120047252491936189, 0.135869698505070726, -0.124994886598304195, 5.51583097705488576e-2};
  static constexpr double sine[10] = {3.14159265358979324,    -5.16771278004997003,    2.55016403987734534,
                                      -0.599264529320786899,  8.21458866109935574e-2,  -7.37043094370213585e-3,
                                      4.66302787459327273e-4, -2.19152503018513743e-5, 7.94853903737232084e-7,
                                      -2.22837121606969689e-8};
  static constexpr double cosine[9] = {-4.93480220054467931,    4.05871212641676815,     -1.33526276885458242,
                                       0.235330630358602332,    -2.58068913840272848e-2, 1.92957424016711513e-3,
                                       -1.04637634340725989e-4, 4.30120372085161434e-6,  -1.34790548363581182e-7};
};

// The lower 32 bits of each lane as a number from -2^31 to 2^31 - 1.
template <class T>
inline Vec<T> to_signed_number(VecU<T> x) {
  if constexpr (sizeof(T) == 4)
    return __builtin_convertvector((VecI<T>)x, Vec<T>);
  else
    return to_number<T>((x ^ 0x80000000u) & 0xffffffffu) - 2147483648.0;
}

// sqrt(-2 log((k + 1/2) / 2^23)) for k from 0 to 2^23 - 1, whose k + 1/2 is exact in float32 too.
template <class T>
inline Vec<T> radius_of(VecU<T> k) {
  using F = Format<T>;
  using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  const VecI<T> root_half = (VecI<T>)splat<T>(T(0.70710678118654752440));
  const VecI<T> x = (VecI<T>)(to_number<T>(k) + T(0.5)) - root_half - (I(23) << F::mantissa);
  const VecI<T> e = x >> F::mantissa;  // (k + 1/2) / 2^23 = 2^e (1 + m)
  const Vec<T> m = (Vec<T>)((x & ((I(1) << F::mantissa) - 1)) + root_half) - T(1);
  const Vec<T> squared = fma<T>(__builtin_convertvector(e, Vec<T>), splat<T>(T(-1.38629436111989061883)),
                                polynomial<T>(Pair<T>::radius, m) * m);
  return sqrt<T>(squared);
}

}  // namespace detail

// Two independent standard normal numbers per lane by Box and Muller's method: the coordinates of a point of the plane
// at the distance sqrt(-2 log u) from 0, in the direction 2 pi v. u is (k + 1/2) / 2^23 with the upper 23 of the bits;
// v / 2^32 the bits times an odd number near 2^32 / golden ratio, so that the 2^32 points (u, v) lie as evenly in the
// unit square as a lattice can. |z| < 5.77.
template <class T>
inline void normal_pair(VecU<T> bits, Vec<T>& first, Vec<T>& second) {
  using P = detail::Pair<T>;
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const VecU<T> direction = bits * U(0x9e3779b1u);
  // Its uppermost bit is the half turn, which changes both signs; the others are what is beyond it, from -1/2 to 1/2.
  const VecU<T> sign = (direction << (8 * sizeof(T) - 32)) & (U(1) << (8 * sizeof(T) - 1));
  const Vec<T> h = detail::to_signed_number<T>(direction << 1) * T(0x1p-32), q = h * h;
  const Vec<T> radius = (Vec<T>)((VecU<T>)detail::radius_of<T>(bits >> 9) ^ sign);
  first = radius * fma<T>(detail::polynomial<T>(P::cosine, q), q, splat<T>(T(1)));
  second = radius * (detail::polynomial<T>(P::sine, q) * h);
}

}  // namespace descend
