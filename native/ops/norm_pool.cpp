// Batch normalization, a ReLU where there is one, and the maximum of the 2 x 2 pixels of each window, in one: what lies
// between them is never stored. Backward, a pixel's normalized value is computed again, by the same operations and so
// with the same bits, to find the largest of its window; its gradient takes the place of the pixel. An image passes
// through memory five times where the three ops apart take ten. max(relu(y)) is relu(max(y)), and where it is 0 no
// gradient goes back.
#include "ops/batch_norm.hpp"

namespace descend {

namespace {

template <class T, bool rectified>
class NormPool final : public BatchNorm<T> {
 public:
  using BatchNorm<T>::BatchNorm;

  bool in_place() const override { return false; }
  bool keeps_output() const override { return true; }
  bool gradient_on_input() const override { return true; }

  void forward(const Pass<T>& pass, Rows lines, Panels p) const override {
    const T* const in = this->in(pass, lines.first);
    T* const out = this->out(pass, out_line(lines.first));
    this->each_vector(p, [&](long c, long) {
      const typename BatchNorm<T>::Normal normal(*this, pass, c);
      each_window(pass, in, lines, c, [&](const long (&pixels)[4], long window) {
        Vec<T> largest = normal(load(in + pixels[0])).y;
        for (int i = 1; i < 4; i++) {
          const Vec<T> y = normal(load(in + pixels[i])).y;
          largest = ((largest > y) | (largest != largest)) ? largest : y;  // a NaN stays
        }
        store(out + window, rectified ? max_keep_nan<T>(largest, Vec<T>{}) : largest);
      });
    });
  }

  void backward_sums(const Pass<T>& pass, Rows lines, Panels p) const override {
    const T* const in = this->in(pass, lines.first);
    const T* const out = this->out(pass, out_line(lines.first));
    const T* const dy = this->out_gradient(pass, out_line(lines.first));
    const long block = this->block_lines(pass);
    for (long first = lines.first; first < lines.last; first += block)
      this->each_vector(p, [&](long c, long) {
        const typename BatchNorm<T>::Normal normal(*this, pass, c);
        Vec<T> a{}, b{};
        each_window(pass, in, {first, std::min(lines.last, first + block)}, c,
                    [&](const long (&pixels)[4], long window) {
                      const Choice choice(load(out + window), load(dy + window));
                      VecI<T> left = ~VecI<T>{};
                      Vec<T> x{};  // of the largest, normalized
                      for (const long pixel : pixels) {
                        const auto v = normal(load(in + pixel));
                        const VecI<T> here = choice.takes(v.y, left);
                        x = here ? v.x : x;
                      }
                      a += choice.gradient;
                      b = fma<T>(choice.gradient, x, b);
                    });
        store(this->sums_of(pass, first / block, true) + c, a);
        store(this->sums_of(pass, first / block, true) + this->width_ + c, b);
      });
  }

  void backward(const Pass<T>& pass, Rows lines, Panels p) const override {
    const T* const in = this->in(pass, lines.first);
    T* const dx = this->in_gradient(pass, lines.first);
    const T* const out = this->out(pass, out_line(lines.first));
    const T* const dy = this->out_gradient(pass, out_line(lines.first));
    this->each_vector(p, [&](long c, long) {
      const typename BatchNorm<T>::Normal normal(*this, pass, c);
      const auto change = this->change(pass, c);
      each_window(pass, in, lines, c, [&](const long (&pixels)[4], long window) {
        const Choice choice(load(out + window), load(dy + window));
        VecI<T> left = ~VecI<T>{};
        for (const long pixel : pixels) {
          const auto v = normal(load(in + pixel));
          const VecI<T> here = choice.takes(v.y, left);
          store(dx + pixel, change.of(here ? choice.gradient : Vec<T>{}, v.x));
        }
      });
      each_outside(pass, lines, c,
                   [&](long pixel) { store(dx + pixel, change.of(Vec<T>{}, normal(load(in + pixel)).x)); });
    });
  }

 private:
  static constexpr long P = kPanel<T>;

  // What a window passes on, to the first of its largest pixels.
  struct Choice {
    Vec<T> largest, gradient;

    Choice(Vec<T> out, Vec<T> dy) : largest(out), gradient(rectified ? (out > T(0) ? dy : Vec<T>{}) : dy) {}
    // left: the columns whose pixel is still to be found.
    VecI<T> takes(Vec<T> y, VecI<T>& left) const {
      const VecI<T> here = left & (VecI<T>)(y == largest);
      left &= ~here;
      return here;
    }
  };

  long out_line(long line) const { return line / this->in_positions * this->out_positions; }

  // Calls body(offset, from the input's panels, of the first pixel of each row of `lines`, row).
  template <class Body>
  void each_image(const Pass<T>& pass, Rows lines, long c, Body&& body) const {
    const long from = c / P * this->stride(pass) + c % P;
    for (long r = lines.first / this->in_positions; r < lines.last / this->in_positions; r++)
      body(from + r * this->in_positions * P, r);
  }

  // Calls body(offsets of its pixels, offset in the output) for the vector at column c of each window of `in`. Two rows
  // of pixels at a time are more than the processor foresees: it is told of the next two.
  template <class Body>
  [[gnu::always_inline]] inline void each_window(const Pass<T>& pass, const T* in, Rows lines, long c,
                                                 Body&& body) const {
    const WindowSpec& w = this->spec.window;
    const long down = w.image_width * P;
    each_image(pass, lines, c, [&](long image, long r) {
      long window = c / P * pass.arena->stride(this->out_positions) + c % P + r * this->out_positions * P;
      for (long y = 0; y < w.grid_height; y++) {
        long pixel = image + 2 * y * down;
        for (long x = 0; x < w.grid_width; x++, pixel += 2 * P, window += P) {
          const long pixels[4] = {pixel, pixel + P, pixel + down, pixel + down + P};
          for (const long p : pixels) __builtin_prefetch(in + p + 2 * down);
          body(pixels, window);
        }
      }
    });
  }

  // Calls body(offset) for the vector at column c of each pixel in no window: the last of an odd width or height.
  template <class Body>
  void each_outside(const Pass<T>& pass, Rows lines, long c, Body&& body) const {
    const WindowSpec& w = this->spec.window;
    if (w.image_height == 2 * w.grid_height && w.image_width == 2 * w.grid_width) return;
    each_image(pass, lines, c, [&](long image, long) {
      for (long y = 0; y < w.image_height; y++)
        for (long x = y < 2 * w.grid_height ? 2 * w.grid_width : 0; x < w.image_width; x++)
          body(image + (y * w.image_width + x) * P);
    });
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_norm_pool(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  if (s.rectified) return std::make_unique<NormPool<T, true>>(s, plan, placement);
  return std::make_unique<NormPool<T, false>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_norm_pool<float>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_norm_pool<double>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);

}  // namespace descend
