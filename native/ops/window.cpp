#include "ops/window.hpp"

namespace descend {

namespace {

long floor_divide(long a, long b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
long remainder(long a, long b) { return a - floor_divide(a, b) * b; }

}  // namespace

Sliding image_to_grid(const WindowSpec& w) {
  const long height = (w.grid_height - 1) * w.stride_y + (w.height - 1) * w.dilation_y + 1;
  const long width = (w.grid_width - 1) * w.stride_x + (w.width - 1) * w.dilation_x + 1;
  Sliding s;
  s.canvas.phases = w.stride_x;
  s.canvas.top = w.top;
  s.canvas.left = w.left;
  s.canvas.source_height = w.image_height;
  s.canvas.source_width = w.image_width;
  s.canvas.height = std::max(height, w.top + w.image_height);
  s.canvas.width = (std::max(width, w.left + w.image_width) + w.stride_x - 1) / w.stride_x;
  TapClass c{0, 1, w.grid_height, 0, 1, w.grid_width, w.stride_y * s.canvas.phases * s.canvas.width, {}};
  for (long ky = 0; ky < w.height; ky++)
    for (long kx = 0; kx < w.width; kx++)
      c.taps.push_back({s.canvas.at(ky * w.dilation_y, kx * w.dilation_x), ky * w.width + kx});
  s.classes.push_back(c);
  return s;
}

Sliding grid_to_image(const WindowSpec& w) {
  // Pixel y reads grid positions (y + top - k * dilation) / stride: from `low`
  // on, up to `high`.
  const auto reach = [](long image, long before, long taps, long dilation, long stride) {
    return std::pair{floor_divide(before - (taps - 1) * dilation, stride), (image - 1 + before) / stride};
  };
  const auto [low_y, high_y] = reach(w.image_height, w.top, w.height, w.dilation_y, w.stride_y);
  const auto [low_x, high_x] = reach(w.image_width, w.left, w.width, w.dilation_x, w.stride_x);
  Sliding s;
  s.canvas.phases = 1;
  s.canvas.top = std::max(0L, -low_y);
  s.canvas.left = std::max(0L, -low_x);
  s.canvas.source_height = w.grid_height;
  s.canvas.source_width = w.grid_width;
  s.canvas.height = s.canvas.top + std::max(w.grid_height, high_y + 1);
  s.canvas.width = s.canvas.left + std::max(w.grid_width, high_x + 1);
  for (long y = 0; y < std::min(w.stride_y, w.image_height); y++)
    for (long x = 0; x < std::min(w.stride_x, w.image_width); x++) {
      TapClass c{y,
                 w.stride_y,
                 (w.image_height - y + w.stride_y - 1) / w.stride_y,
                 x,
                 w.stride_x,
                 (w.image_width - x + w.stride_x - 1) / w.stride_x,
                 s.canvas.width,
                 {}};
      for (long ky = 0; ky < w.height; ky++)
        for (long kx = 0; kx < w.width; kx++) {
          const long oy = y + w.top - ky * w.dilation_y, ox = x + w.left - kx * w.dilation_x;
          if (remainder(oy, w.stride_y) != 0 || remainder(ox, w.stride_x) != 0) continue;
          c.taps.push_back(
              {s.canvas.at(floor_divide(oy, w.stride_y) + s.canvas.top, floor_divide(ox, w.stride_x) + s.canvas.left),
               ky * w.width + kx});
        }
      s.classes.push_back(c);
    }
  return s;
}

Valid valid_positions(long k, long stride, long dilation, long before, long image, long grid) {
  const long at = k * dilation - before;  // of position 0
  const long first = at >= 0 ? 0 : (-at + stride - 1) / stride;
  const long last = floor_divide(image - 1 - at, stride) + 1;
  return {std::min(first, grid), std::max(std::min(first, grid), std::min(last, grid))};
}

}  // namespace descend
