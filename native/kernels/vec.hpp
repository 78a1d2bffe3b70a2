// The vector type of the instruction set this file is compiled for, and the few things that need its intrinsics.
// Everything above this file is written once in terms of Vec<T>; nothing here knows about networks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace descend {

#if defined(DESCEND_VECTOR_BYTES)  // the tests force wide vectors onto narrow machines
inline constexpr int kVectorBytes = DESCEND_VECTOR_BYTES;
#elif defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  typedef float Vector __attribute__((vector_size(kVectorBytes)));
  typedef int32_t Signed __attribute__((vector_size(kVectorBytes)));
  typedef uint32_t Unsigned __attribute__((vector_size(kVectorBytes)));
};
template <>
struct Lanes<double> {
  typedef double Vector __attribute__((vector_size(kVectorBytes)));
  typedef int64_t Signed __attribute__((vector_size(kVectorBytes)));
  typedef uint64_t Unsigned __attribute__((vector_size(kVectorBytes)));
};

template <class T>
using Vec = typename Lanes<T>::Vector;
template <class T>
using VecI = typename Lanes<T>::Signed;  // also the type of a comparison
template <class T>
using VecU = typename Lanes<T>::Unsigned;

template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

// Numbers in one row of a panel: one cache line, whatever the vector width, so that the layout of every buffer
// is the same for all instruction sets.
template <class T>
inline constexpr int kPanel = 64 / static_cast<int>(sizeof(T));

// Vectors in one row of a panel.
template <class T>
inline constexpr int kPanelVecs = kPanel<T> / kLanes<T>;

template <class T>
inline VecI<T> lane_index() {
  VecI<T> v;
  for (int i = 0; i < kLanes<T>; i++) v[i] = i;
  return v;
}

template <class T>
inline Vec<T> load(const T* p) {
  return *reinterpret_cast<const Vec<T>*>(p);
}

template <class T>
inline Vec<T> load_unaligned(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The first `count` numbers at p (none below 1), with zeros in the lanes beyond them, whose memory is not read.
template <class T>
inline Vec<T> load_part(const T* p, long count) {
#if defined(DESCEND_VECTOR_BYTES)
#elif defined(__AVX512F__)
  const unsigned lanes = (1u << std::clamp<long>(count, 0, kLanes<T>)) - 1;
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes), p);
  else
    return (Vec<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>(lanes), p);
#elif defined(__AVX2__)
  using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  const auto lanes = (__m256i)(lane_index<T>() < static_cast<I>(std::min<long>(count, kLanes<T>)));
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm256_maskload_ps(p, lanes);
  else
    return (Vec<T>)_mm256_maskload_pd(p, lanes);
#endif
#if defined(DESCEND_VECTOR_BYTES) || !(defined(__AVX512F__) || defined(__AVX2__))
  Vec<T> v{};
  for (long i = 0; i < std::min<long>(count, kLanes<T>); i++) v[i] = p[i];
  return v;
#endif
}

template <class T>
inline void store(T* p, Vec<T> v) {
  *reinterpret_cast<Vec<T>*>(p) = v;
}

template <class T>
inline Vec<T> splat(T x) {
  return x - Vec<T>{};  // x - 0 is x for every x, -0 and NaN included
}

// Folds the upper half of the lanes onto the lower one by `both`, again and again, until one is left.
template <class T, int lanes = kLanes<T>, class V, class Both>
[[gnu::always_inline]] inline T fold(const V& v, Both&& both) {
  if constexpr (lanes == 1) {
    return v[0];
  } else if constexpr (lanes == 2) {
    return both(v[0], v[1]);
  } else {
    typedef T Half __attribute__((vector_size(lanes / 2 * sizeof(T))));
    Half low, high;
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return fold<T, lanes / 2>(both(low, high), both);
  }
}

// a * b + c with one rounding, on every instruction set.
template <class T>
inline Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(DESCEND_VECTOR_BYTES)
#elif defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
  else
    return (Vec<T>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
  else
    return (Vec<T>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__ARM_NEON)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
  else
    return (Vec<T>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#endif
#if defined(DESCEND_VECTOR_BYTES) || !(defined(__AVX512F__) || defined(__AVX2__) || defined(__ARM_NEON))
  Vec<T> r{};
  for (int i = 0; i < kLanes<T>; i++) r[i] = std::fma(a[i], b[i], c[i]);
  return r;
#endif
}

template <class T>
inline Vec<T> sqrt(Vec<T> a) {
#if defined(DESCEND_VECTOR_BYTES)
#elif defined(__AVX512F__)
  // Masked with all lanes: GCC 12 warns of an uninitialized operand inside the plain form.
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_maskz_sqrt_ps(0xffff, (__m512)a);
  else
    return (Vec<T>)_mm512_maskz_sqrt_pd(0xff, (__m512d)a);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm256_sqrt_ps((__m256)a);
  else
    return (Vec<T>)_mm256_sqrt_pd((__m256d)a);
#endif
#if defined(DESCEND_VECTOR_BYTES) || !(defined(__AVX512F__) || defined(__AVX2__))
  Vec<T> r{};
  for (int i = 0; i < kLanes<T>; i++) r[i] = std::sqrt(a[i]);
  return r;
#endif
}

// The order of the operands decides what a NaN does: `a` survives only where the comparison holds.
template <class T>
inline Vec<T> max_keep_nan(Vec<T> x, Vec<T> low) {
  return x < low ? low : x;
}
template <class T>
inline Vec<T> min_keep_nan(Vec<T> x, Vec<T> high) {
  return x > high ? high : x;
}

template <class T>
inline Vec<T> abs(Vec<T> x) {
  constexpr auto sign = sizeof(T) == 4 ? 0x80000000ull : 0x8000000000000000ull;
  return (Vec<T>)((VecU<T>)x &
                  ~(VecU<T>{} + static_cast<std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>(sign)));
}

// Transpose one panel-sized square block: to[c * to_stride + r] = from[r * kPanel + c] for r < rows, c < kPanel.
// `rows` is the number of valid source rows; target columns beyond it are left alone.
template <class T>
inline void transpose_panel(const T* from, long rows, T* to) {
  constexpr int P = kPanel<T>;
#if defined(__AVX2__) && !defined(DESCEND_VECTOR_BYTES)
  if constexpr (sizeof(T) == 4) {
    if (rows == P) {
      for (int i = 0; i < P; i += 8)
        for (int j = 0; j < P; j += 8) {
          __m256 r[8], s[8];
          for (int q = 0; q < 8; q++) r[q] = _mm256_load_ps(from + (i + q) * P + j);
          for (int q = 0; q < 8; q += 2) {
            s[q] = _mm256_unpacklo_ps(r[q], r[q + 1]);
            s[q + 1] = _mm256_unpackhi_ps(r[q], r[q + 1]);
          }
          for (int q = 0; q < 8; q += 4) {
            r[q] = _mm256_shuffle_ps(s[q], s[q + 2], 0x44);
            r[q + 1] = _mm256_shuffle_ps(s[q], s[q + 2], 0xEE);
            r[q + 2] = _mm256_shuffle_ps(s[q + 1], s[q + 3], 0x44);
            r[q + 3] = _mm256_shuffle_ps(s[q + 1], s[q + 3], 0xEE);
          }
          for (int q = 0; q < 4; q++) {
            _mm256_store_ps(to + (j + q) * P + i, _mm256_permute2f128_ps(r[q], r[q + 4], 0x20));
            _mm256_store_ps(to + (j + q + 4) * P + i, _mm256_permute2f128_ps(r[q], r[q + 4], 0x31));
          }
        }
      return;
    }
  } else if (rows == P) {
    for (int i = 0; i < P; i += 4)
      for (int j = 0; j < P; j += 4) {
        __m256d r[4], s[4];
        for (int q = 0; q < 4; q++) r[q] = _mm256_load_pd(from + (i + q) * P + j);
        for (int q = 0; q < 4; q += 2) {
          s[q] = _mm256_unpacklo_pd(r[q], r[q + 1]);
          s[q + 1] = _mm256_unpackhi_pd(r[q], r[q + 1]);
        }
        for (int q = 0; q < 2; q++) {
          _mm256_store_pd(to + (j + q) * P + i, _mm256_permute2f128_pd(s[q], s[q + 2], 0x20));
          _mm256_store_pd(to + (j + q + 2) * P + i, _mm256_permute2f128_pd(s[q], s[q + 2], 0x31));
        }
      }
    return;
  }
#endif
  for (long r = 0; r < rows; r++)
    for (int c = 0; c < P; c++) to[c * P + r] = from[r * P + c];
}

// The same with zeros in the target columns beyond.
template <class T>
inline void transpose_padded(const T* from, long rows, T* to) {
  constexpr int P = kPanel<T>;
  if (rows == P) return transpose_panel(from, P, to);
  alignas(64) T whole[P * P] = {};
  std::copy(from, from + rows * P, whole);
  transpose_panel<T>(whole, P, to);
}

}  // namespace descend
