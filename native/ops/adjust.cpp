// Training: y = m + s (x - m) + d, cut to limits, with s and d random and m the mean of a channel over its positions,
// or 0. With g the gradient of what was not cut, dx = s g + (1 - s) mean(g), without the mean where there is none of x.
#include <limits>

#include "ops/draws.hpp"
#include "ops/ops.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

template <class T>
class Adjust final : public Op<T> {
 public:
  Adjust(const OpSpec& s, const PlanSpec& plan)
      : Op<T>(s, plan), cuts_(s.adjust.limits.low > -kInfinity || s.adjust.limits.high < kInfinity) {}

  bool by_row() const override { return true; }
  bool keeps_input() const override { return cuts_; }

  void forward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_vector(pass, lines, [&](long first, const Change& change) {
      const T* const x = this->in(pass, change.line) + first;
      T* const y = this->out(pass, change.line) + first;
      if (!pass.training) return each_line([&](long o) { store(y + o, load(x + o)); });
      const Vec<T> middle = mean(x);
      each_line([&](long o) { store(y + o, cut(changed(load(x + o), middle, change))); });
    });
  }

  void backward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_vector(pass, lines, [&](long first, const Change& change) {
      const T* const x = cuts_ ? this->in(pass, change.line) + first : nullptr;
      const T* const dy = this->out_gradient(pass, change.line) + first;
      T* const dx = this->in_gradient(pass, change.line) + first;
      const Vec<T> middle = cuts_ ? mean(x) : Vec<T>{};
      Vec<T> sum{};
      each_line([&](long o) {
        Vec<T> g = load(dy + o);
        if (cuts_) {
          const Vec<T> y = changed(load(x + o), middle, change);
          g = ((y >= low()) & (y <= high())) ? g : Vec<T>{};
        }
        sum += g;
        store(dx + o, change.scale * g);
      });
      if (!this->spec.adjust.about_mean) return;
      const Vec<T> rest = (T(1) - change.scale) * (sum / static_cast<T>(this->in_positions));
      each_line([&](long o) { store(dx + o, load(dx + o) + rest); });
    });
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  struct Change {
    long line;  // the row's first
    Vec<T> scale, shift;
  };

  Vec<T> low() const { return splat(static_cast<T>(this->spec.adjust.limits.low)); }
  Vec<T> high() const { return splat(static_cast<T>(this->spec.adjust.limits.high)); }

  // A NaN passes, so that a diverging run shows.
  Vec<T> cut(Vec<T> y) const { return cuts_ ? min_keep_nan<T>(max_keep_nan<T>(y, low()), high()) : y; }

  static Vec<T> changed(Vec<T> x, Vec<T> middle, const Change& change) {
    return fma<T>(change.scale, x - middle, middle) + change.shift;
  }

  template <class Body>
  void each_line(Body&& body) const {
    for (long o = 0; o < this->in_positions * kPanel<T>; o += kPanel<T>) body(o);
  }

  Vec<T> mean(const T* x) const {
    if (!this->spec.adjust.about_mean) return Vec<T>{};
    Vec<T> sum{};
    each_line([&](long o) { sum += load(x + o); });
    return sum / static_cast<T>(this->in_positions);
  }

  // Calls body(offset of the row's first line, change) for each row and each vector of channels.
  template <class Body>
  void each_vector(const Pass<T>& pass, Rows lines, Body&& body) const {
    const AdjustSpec& a = this->spec.adjust;
    const RandomKey scales = random_key(pass, this->spec.stream),
                    shifts = random_key(pass, this->spec.stream ^ (uint64_t{1} << 63));
    for (long line = lines.first; line < lines.last; line += this->in_positions) {
      const long r = line / this->in_positions;
      Change change{line, splat(number(a.scale, scales, r)), splat(number(a.shift, shifts, r))};
      each_in_row<T>(this->in_width, this->stride(pass), [&](long o, long c) {
        if (a.by_channel)
          for (long i = 0; i < kLanes<T>; i++) change.scale[i] = number(a.scale, scales, r * this->in_width + c + i);
        body(o + line * kPanel<T>, change);
      });
    }
  }

  static T number(RangeSpec range, const RandomKey& key, long element) {
    return static_cast<T>(between(range, uniform(key, static_cast<uint64_t>(element))));
  }

  bool cuts_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_adjust(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Adjust<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_adjust<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_adjust<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
