// A rectangle of pixels, cut at the borders of its image.
#pragma once

#include <algorithm>

namespace descend {

struct Rectangle {
  long top = 0, left = 0, bottom = 0, right = 0;  // bottom and right lie outside

  Rectangle within(long height, long width) const {
    return {std::max(0L, top), std::max(0L, left), std::min(height, bottom), std::min(width, right)};
  }
  bool holds(long y, long x) const { return y >= top && y < bottom && x >= left && x < right; }
  bool empty() const { return bottom <= top || right <= left; }
  long area() const { return empty() ? 0 : (bottom - top) * (right - left); }
};

}  // namespace descend
