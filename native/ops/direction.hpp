// A convolution's way through the taps, from image to grid or back, row by row of the batch.
#pragma once

#include <vector>

#include "ops/window.hpp"

namespace descend {

// One direction as products over taps: the segments of each class, cut into
// blocks.
template <class T>
struct Direction {
  Sliding sliding;
  struct Blocks {
    std::vector<Segment> segments;
    std::vector<std::size_t> ends;
  };
  std::vector<Blocks> blocks;  // of each class
  long panels, spare;          // of the source, and zeros behind it, which the last
                               // group may be made to read

  // channels: of the source, and `read` of them by one panel of the target;
  // tap: numbers between two taps of the weights.
  Direction(const Sliding& s, long channels, long read, long tap)
      : sliding(s), panels(descend::panels<T>(channels)), spare(read == channels ? 0 : descend::panels<T>(read) - 1) {
    constexpr long P = kPanel<T>;
    for (const TapClass& c : sliding.classes) {
      Blocks found;
      const long terms = static_cast<long>(c.taps.size()) * read, count = (terms + kTapTerms - 1) / kTapTerms;
      long sum = 0;
      for (const Tap& t : c.taps)
        for (long p = 0; p < descend::panels<T>(read); p++) {
          const long some = columns_of<T>(read, p);
          if (sum > 0 && (sum + some / 2) * count / terms > static_cast<long>(found.ends.size()))
            found.ends.push_back(found.segments.size());
          found.segments.push_back({(p * sliding.canvas.lines() + t.line) * P, t.index * tap + p * P * P, some});
          sum += some;
        }
      found.ends.push_back(found.segments.size());
      blocks.push_back(std::move(found));
    }
  }

  long canvas_size() const { return (panels + spare) * sliding.canvas.lines() * kPanel<T>; }

  // One row of the batch. source, target: its first lines; first(panel): where
  // a panel of the target starts to read.
  template <class First>
  void run(const T* source, long source_stride, T* canvas, const T* weights, long panel, T* target, long target_stride,
           long target_panels, long target_width, const T* bias, First&& first) const {
    constexpr long P = kPanel<T>;
    sliding.canvas.fill(source, source_stride, panels, canvas);
    for (std::size_t k = 0; k < blocks.size(); k++) {
      const TapClass& c = sliding.classes[k];
      for (long o = 0; o < target_panels;) {
        long count = 1;
        while (count < kTapPanels && o + count < target_panels && first(o + count) == first(o)) count++;
        const T* from = canvas + first(o) * sliding.canvas.lines() * P;
        std::size_t begin = 0;
        for (std::size_t b = 0; b < blocks[k].ends.size(); begin = blocks[k].ends[b++])
          for (long i = 0; i < c.rows; i++)
            tap_lines<T>(c.columns, count, from + i * c.row * P, blocks[k].segments.data() + begin,
                         blocks[k].segments.data() + blocks[k].ends[b], weights + o * panel, panel,
                         target + o * target_stride + ((c.y + i * c.y_step) * target_width + c.x) * P, target_stride,
                         c.x_step * P, bias ? bias + o * P : nullptr, b == 0);
        o += count;
      }
    }
  }
};

}  // namespace descend
