// Training: a random rectangle of each image becomes a constant, see engine/reference/erase.py. Its gradient is 0.
#include <cmath>

#include "kernels/math.hpp"
#include "ops/draws.hpp"
#include "ops/ops.hpp"
#include "ops/rectangle.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

constexpr long kDraws = 5;

template <class T>
class Erase final : public Op<T> {
 public:
  using Op<T>::Op;

  bool by_row() const override { return true; }

  void forward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_row(lines, [&](long line) {
      fill(pass, line, this->in(pass, line), this->out(pass, line), static_cast<T>(this->spec.fill_value));
    });
  }
  void backward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_row(lines,
             [&](long line) { fill(pass, line, this->out_gradient(pass, line), this->in_gradient(pass, line), T(0)); });
  }

 private:
  template <class Body>
  void each_row(Rows lines, Body&& body) const {
    for (long line = lines.first; line < lines.last; line += this->in_positions) body(line);
  }

  // The row that begins at `line`, with a constant in its rectangle.
  void fill(const Pass<T>& pass, long line, const T* from, T* to, T value) const {
    const Rectangle cut = pass.training ? rectangle(pass, line / this->in_positions) : Rectangle{};
    each_in_row<T>(this->in_width, this->stride(pass), [&](long o, long c) {
      const Vec<T> constant = real_columns<T>(c, this->in_width) ? splat(value) : Vec<T>{};
      T* const at = to + o + line * kPanel<T>;
      if (from != to)
        for (long i = 0; i < this->in_positions * kPanel<T>; i += kPanel<T>)
          store(at + i, load(from + o + line * kPanel<T> + i));
      for (long y = cut.top; y < cut.bottom; y++)
        for (long x = cut.left; x < cut.right; x++)
          store(at + (y * this->spec.erase.image_width + x) * kPanel<T>, constant);
    });
  }

  Rectangle rectangle(const Pass<T>& pass, long r) const {
    const EraseSpec& e = this->spec.erase;
    const RandomKey key = random_key(pass, this->spec.stream);
    const auto u = [&](long k) { return uniform(key, static_cast<uint64_t>(kDraws * r + k)); };
    if (!(u(0) < this->spec.rate)) return {};
    if (e.height) {
      const auto centre = [](double share, long whole, long size) {
        return static_cast<long>(share * static_cast<double>(whole)) - size / 2;
      };
      const long top = centre(u(3), e.image_height, e.height), left = centre(u(4), e.image_width, e.width);
      return Rectangle{top, left, top + e.height, left + e.width}.within(e.image_height, e.image_width);
    }
    const double area = between(e.area, u(1)) * static_cast<double>(e.image_height * e.image_width);
    const double low = log(e.ratio.low), high = log(e.ratio.high);
    const double ratio = exp<double>(splat(low + (high - low) * u(2)))[0];
    const auto side = [](double square, long most) {
      return std::min(static_cast<long>(std::floor(std::sqrt(square) + 0.5)), most);
    };
    const long height = side(area * ratio, e.image_height), width = side(area / ratio, e.image_width);
    const long top = static_cast<long>(u(3) * static_cast<double>(e.image_height - height + 1));
    const long left = static_cast<long>(u(4) * static_cast<double>(e.image_width - width + 1));
    return {top, left, top + height, left + width};
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_erase(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Erase<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_erase<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_erase<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
