// Which elements dropout keeps: those whose random number is not below the rate; they are scaled by 1 / (1 - rate).
//
// Whole channels: one number for all positions of a channel in a row, as Tompson and others (2015) do it for images.
#pragma once

#include "runtime/program.hpp"

namespace descend {

template <class T>
class Dropped {
 public:
  Dropped(const OpSpec& s, long width, long positions)
      : scale(s.rate * 4294967296.0 < 1 ? T(1) : static_cast<T>(1 / (1 - s.rate))),
        stream_(s.stream),
        width_(width),
        positions_(s.whole ? positions : 1),
        threshold_(static_cast<uint64_t>(s.rate * 4294967296.0)) {}

  bool any() const { return threshold_ > 0; }

  // kept(line, column): of the vector at that column, all ones where an element is kept.
  auto in(const Pass<T>& pass) const {
    const auto threshold = static_cast<std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>(threshold_);
    return
        [key = random_key(pass, stream_), threshold, width = width_, positions = positions_](long line, long column) {
          const long row = positions > 1 ? line / positions : line;
          return (VecI<T>)(random_bits<T>(key, static_cast<uint32_t>(row * width + column)) >= threshold);
        };
  }

  T scale;

 private:
  uint64_t stream_;
  long width_, positions_;
  uint64_t threshold_;
};

// What a ReLU and dropout leave of v. A NaN passes the ReLU, so that a diverging run shows.
template <class T>
inline Vec<T> rectified(VecI<T> kept, Vec<T> v, T scale) {
  return (kept & ~(VecI<T>)(v <= T(0))) ? v * scale : Vec<T>{};
}

}  // namespace descend
