// Single random numbers, for ops that draw a few for each row.
#pragma once

#include "runtime/random.hpp"
#include "runtime/spec.hpp"

namespace descend {

// Number `element` of a stream, in [0, 1).
inline double uniform(const RandomKey& key, uint64_t element) {
  return static_cast<double>(random_bits<double>(key, static_cast<uint32_t>(element))[0]) * 0x1p-32;
}

inline double between(RangeSpec range, double u) { return range.low + (range.high - range.low) * u; }

}  // namespace descend
