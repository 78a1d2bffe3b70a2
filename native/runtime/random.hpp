// Counter-based random numbers: a function of (seed, step, stream, element) and of nothing else, so that masks do not
// depend on threads and a run resumes exactly.
#pragma once

#include <cstdint>

#include "kernels/vec.hpp"

namespace descend {

inline constexpr uint64_t splitmix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

struct RandomKey {
  uint32_t first, second;

  RandomKey(uint64_t seed, uint64_t step, uint64_t stream) {
    const uint64_t key = splitmix64(splitmix64(splitmix64(seed) ^ step) ^ stream);
    first = static_cast<uint32_t>(key);
    second = static_cast<uint32_t>(key >> 32);
  }
};

// 32 random bits for each of the elements e, e + 1, ... one per lane (64-bit lanes hold them in their low half).
template <class T>
inline VecU<T> random_bits(const RandomKey& key, uint32_t e) {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr U low = 0xffffffffu;
  VecU<T> x = ((VecU<T>)lane_index<T>() + static_cast<U>(static_cast<uint32_t>(e + key.first))) & low;
  x ^= x >> 16;
  x = (x * U(0x7feb352du)) & low;
  x ^= x >> 15;
  x = (x + U(key.second)) & low;
  x = (x * U(0x846ca68bu)) & low;
  return x ^ (x >> 16);
}

// A uniform integer below n (n < 2^32) from a counter, for shuffling.
inline uint32_t random_below(uint64_t key, uint64_t counter, uint32_t n) {
  return static_cast<uint32_t>(((splitmix64(key + counter) >> 32) * n) >> 32);
}

}  // namespace descend
