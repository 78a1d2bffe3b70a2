// The largest number, or the mean, of the pixels that a window covers, channel
// by channel; pixels outside the image do not count. The gradient of a maximum
// goes to the first of the largest. A pool over all steps of rows with lengths
// of their own is one over the steps that there are. The mean over no pixel is
// 0: zero padding is that of windows of one pixel, some beside the image.
#include <algorithm>

#include "kernels/panels.hpp"
#include "ops/ops.hpp"
#include "ops/window.hpp"

namespace descend {

namespace {

template <class T, bool average>
class Pool final : public Op<T> {
 public:
  Pool(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan) {
    const WindowSpec& w = s.window;
    for (long y = 0; y < w.grid_height; y++) rows_.push_back(covered(y * w.stride_y - w.top, w.height, w.image_height));
    for (long x = 0; x < w.grid_width; x++)
      columns_.push_back(covered(x * w.stride_x - w.left, w.width, w.image_width));
    const auto two = [](Valid v) { return v.count() == 2; };
    tiles_ = tile(rows_, w.image_height) && tile(columns_, w.image_width);
    quads_ =
        tiles_ && std::all_of(rows_.begin(), rows_.end(), two) && std::all_of(columns_.begin(), columns_.end(), two);
  }

  bool in_place() const override { return false; }
  bool keeps_input() const override { return !average; }
  bool keeps_output() const override { return !average; }

  void forward(const Pass<T>& pass, Rows lines, Panels panels) const override {
    const T* const in = this->in(pass, lines.first);
    T* const out = this->out(pass, out_line(lines.first));
    each_window(pass, lines, panels, [&](long to, long from, Valid y, Valid x) {
      Vec<T> sum = average ? Vec<T>{} : load(in + from + pixel(y.first, x.first));
      each_pixel<0>(y, x, [&](long o) {
        const Vec<T> v = load(in + from + o);
        if constexpr (average)
          sum += v;
        else
          sum = ((sum > v) | (sum != sum)) ? sum : v;  // a NaN stays, so that a diverging run shows
      });
      store(out + to, average ? sum / count(y, x) : sum);
    });
  }

  void backward(const Pass<T>& pass, Rows lines, Panels panels) const override {
    if (quads_ && !varied(pass)) return spread<true, 2>(pass, lines, panels);
    if (tiles_ && !varied(pass)) return spread<true, 0>(pass, lines, panels);
    T* const dx = this->in_gradient(pass, lines.first);
    for (long p = panels.first; p < panels.last; p++)
      std::fill(dx + p * this->stride(pass) + lines.first * P, dx + p * this->stride(pass) + lines.last * P, T(0));
    spread<false, 0>(pass, lines, panels);
  }

 private:
  static constexpr long P = kPanel<T>;

  static Valid covered(long first, long size, long image) {
    return {std::max(0L, first), std::min(image, first + size)};
  }
  // The pixels that a window covers in the row of `line`.
  Valid own(const Pass<T>& pass, long line, Valid x) const {
    return {x.first, std::min(x.last, pass.lines_of(line / this->in_positions, this->in_positions))};
  }
  bool varied(const Pass<T>& pass) const { return pass.data->lengths && this->in_positions > 1; }
  static T count(Valid y, Valid x) {
    return static_cast<T>(std::max(1L, std::max(0L, y.count()) * std::max(0L, x.count())));
  }

  long out_line(long line) const { return line / this->in_positions * this->out_positions; }
  long pixel(long y, long x) const { return (y * this->spec.window.image_width + x) * P; }

  // Whether every pixel of an axis is covered once.
  static bool tile(const std::vector<Valid>& covered, long image) {
    long next = 0;
    for (const Valid v : covered) {
      if (v.first != next || v.count() < 1) return false;
      next = v.last;
    }
    return next == image;
  }

  // Writes (`whole`: every pixel is in one window) or adds what each window passes on to its pixels, of which there are
  // `size` in both directions (0: as many as the window covers).
  template <bool whole, long size>
  void spread(const Pass<T>& pass, Rows lines, Panels panels) const {
    T* const dx = this->in_gradient(pass, lines.first);
    const T* const dy = this->out_gradient(pass, out_line(lines.first));
    const T* const in = average ? nullptr : this->in(pass, lines.first);
    const T* const out = average ? nullptr : this->out(pass, out_line(lines.first));
    each_window(pass, lines, panels, [&](long to, long from, Valid y, Valid x) {
      const Vec<T> g = average ? load(dy + to) / count(y, x) : load(dy + to);
      const Vec<T> largest = average ? g : load(out + to);
      VecI<T> left = ~VecI<T>{};
      each_pixel<size>(y, x, [&](long o) {
        T* const at = dx + from + o;
        Vec<T> part = g;
        if constexpr (!average) {
          const VecI<T> here = left & (VecI<T>)(load(in + from + o) == largest);
          part = here ? g : Vec<T>{};
          left &= ~here;
        }
        store(at, whole ? part : load(at) + part);
      });
    });
  }

  template <long size, class Body>
  [[gnu::always_inline]] inline void each_pixel(Valid y, Valid x, Body&& body) const {
    const long height = size ? size : y.count(), width = size ? size : x.count();
    for (long i = 0; i < height; i++)
      for (long j = 0; j < width; j++) body(pixel(y.first + i, x.first + j));
  }

  // Calls body(offset in the output, of the row in the input, covered rows,
  // covered columns) for each vector of each window.
  template <class Body>
  [[gnu::always_inline]] inline void each_window(const Pass<T>& pass, Rows lines, Panels panels, Body&& body) const {
    const long out_stride = pass.arena->stride(this->out_positions);
    const bool varied = this->varied(pass);
    for (long p = panels.first; p < panels.last; p++)
      for (long line = lines.first; line < lines.last; line += this->in_positions) {
        long to = p * out_stride + out_line(line) * P;
        for (const Valid y : rows_)
          for (const Valid x : columns_) {
            for (long v = 0; v < P; v += kLanes<T>)
              body(to + v, p * this->stride(pass) + line * P + v, y, varied ? own(pass, line, x) : x);
            to += P;
          }
      }
  }

  std::vector<Valid> rows_, columns_;  // pixels that each position of the grid covers
  bool tiles_, quads_;                 // every pixel is covered once; by windows of 2 x 2 pixels
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_pool(const OpSpec& s, const PlanSpec& plan) {
  if (s.average) return std::make_unique<Pool<T, true>>(s, plan);
  return std::make_unique<Pool<T, false>>(s, plan);
}
template std::unique_ptr<Op<float>> make_pool<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_pool<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
