// Where a window that slides over an image reads and writes. The image is the
// larger side (a convolution's input, a transposed convolution's output), the
// grid the smaller one: window (i, j) of the grid covers the pixels i * stride
// - before + k * dilation of the image.
//
// Both directions are products over taps (kernels/taps.hpp) on a copy of one
// row of the batch with zeros around it: a thread's own and small enough to
// stay in its cache. From image to grid, pixels that are `stride` apart are
// made neighbours by the copy; from grid to image, pixels of one remainder by
// the stride form a class with taps of its own.
#pragma once

#include <vector>

#include "kernels/taps.hpp"
#include "runtime/spec.hpp"

namespace descend {

// A row of the batch as it is copied: (panels, height, phases, width) lines, of
// which the source's are not zero. Pixel x lies in phase x % phases.
struct Canvas {
  long height, width, phases;  // width of one phase
  long top, left;              // of the source in it, in pixels
  long source_height, source_width;

  long lines() const { return height * phases * width; }
  long at(long y, long x) const { return (y * phases + x % phases) * width + x / phases; }

  // Copies panels [0, count) of the source, its lines in order and panels
  // `stride` numbers apart.
  template <class T>
  void fill(const T* from, long stride, long count, T* to) const {
    constexpr int P = kPanel<T>;
    for (long p = 0; p < count; p++)
      for (long y = 0; y < source_height; y++) {
        const T* row = from + p * stride + y * source_width * P;
        T* canvas = to + p * lines() * P;
        for (long x = 0; x < source_width; x++, row += P)
          for (int v = 0; v < P; v += kLanes<T>) store(canvas + at(y + top, x + left) * P + v, load(row + v));
      }
  }
};

struct Tap {
  long line;   // where it reads, in lines of the canvas from the first one
  long index;  // ky * width + kx
};

// Pixels of the target that read through the same taps: pixel (y + i * y_step,
// x + j * x_step) for i < rows, j < columns reads line i * row + j + tap.line
// of the canvas.
struct TapClass {
  long y, y_step, rows, x, x_step, columns;
  long row;
  std::vector<Tap> taps;
};

// The two directions.
struct Sliding {
  Canvas canvas;
  std::vector<TapClass> classes;
};

Sliding image_to_grid(const WindowSpec& w);
Sliding grid_to_image(const WindowSpec& w);

// Grid positions [first, last) along one axis whose tap `k` lies inside the
// image.
struct Valid {
  long first, last;

  long count() const { return last - first; }
};
Valid valid_positions(long k, long stride, long dilation, long before, long image, long grid);

}  // namespace descend
