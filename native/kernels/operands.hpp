// The right operand of a product: panels of a matrix as they are, with a part of their numbers left out, or squared.
//
// An operand gives the vector v of row k of panel n as the product takes it, the number of the left operand as it takes
// that (`factor`), and itself as seen from another panel and row (`from`). With kFactor the whole product is multiplied
// by `product_factor` before the bias is added.
#pragma once

#include "kernels/panels.hpp"

namespace descend {

template <class T>
struct Plain {
  static constexpr bool kFactor = false;
  const T* data;
  long stride;  // numbers between two panels

  Vec<T> vector(long n, long k, int v) const { return load(data + n * stride + k * kPanel<T> + v * kLanes<T>); }
  static T factor(T x) { return x; }
  Plain from(long panel, long row) const { return {data + panel * stride + row * kPanel<T>, stride}; }
};

// A bit for each number in a row of a panel; bit c is column c's.
template <class T>
using KeepBits = std::conditional_t<sizeof(T) == 4, uint16_t, uint8_t>;

// The lanes of vector v of a panel's row whose bits are set.
template <class T>
inline VecI<T> kept_lanes(KeepBits<T> bits, int v) {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const VecU<T> bit = (VecU<T>{} + (U(1) << (v * kLanes<T>))) << (VecU<T>)lane_index<T>();
  return (VecI<T>)(((VecU<T>{} + U(bits)) & bit) == bit);
}

// A bit for each lane that is set, from the lowest on.
template <class T>
inline unsigned lane_bits(VecI<T> lanes) {
#if defined(__AVX512DQ__) && !defined(DESCEND_VECTOR_BYTES)
  if constexpr (sizeof(T) == 4)
    return _mm512_movepi32_mask((__m512i)lanes);
  else
    return _mm512_movepi64_mask((__m512i)lanes);
#elif defined(__AVX2__) && !defined(DESCEND_VECTOR_BYTES)
  if constexpr (sizeof(T) == 4)
    return static_cast<unsigned>(_mm256_movemask_ps((__m256)lanes));
  else
    return static_cast<unsigned>(_mm256_movemask_pd((__m256d)lanes));
#else
  unsigned bits = 0;
  for (int i = 0; i < kLanes<T>; i++) bits |= static_cast<unsigned>(lanes[i] != 0) << i;
  return bits;
#endif
}

// The vector v of a panel's row with zeros where its bit is not set.
template <class T>
inline Vec<T> load_kept(const T* row, KeepBits<T> bits, int v) {
#if defined(__AVX512F__) && !defined(DESCEND_VECTOR_BYTES)
  static_cast<void>(v);  // a row is one vector
  // The masked load is one instruction too, but GCC takes it for a read of any memory and keeps no sum in registers.
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_maskz_mov_ps(bits, (__m512)load(row));
  else
    return (Vec<T>)_mm512_maskz_mov_pd(bits, (__m512d)load(row));
#else
  return (Vec<T>)((VecI<T>)load(row + v * kLanes<T>) & kept_lanes<T>(bits, v));
#endif
}

template <class T>
struct Kept {
  static constexpr bool kFactor = true;
  const T* data;
  long stride;
  const KeepBits<T>* bits;  // (panels, rows), one for each row of a panel
  T product_factor;

  Vec<T> vector(long n, long k, int v) const {
    return load_kept<T>(data + n * stride + k * kPanel<T>, bits[n * (stride / kPanel<T>)+k], v);
  }
  static T factor(T x) { return x; }
  Kept from(long panel, long row) const {
    return {data + panel * stride + row * kPanel<T>, stride, bits + panel * (stride / kPanel<T>)+row, product_factor};
  }
};

// x^2 times w^2.
template <class T>
struct Squared {
  static constexpr bool kFactor = true;
  const T* data;
  long stride;
  T product_factor;

  Vec<T> vector(long n, long k, int v) const {
    const Vec<T> w = load(data + n * stride + k * kPanel<T> + v * kLanes<T>);
    return w * w;
  }
  static T factor(T x) { return x * x; }
  Squared from(long panel, long row) const { return {data + panel * stride + row * kPanel<T>, stride, product_factor}; }
};

}  // namespace descend
