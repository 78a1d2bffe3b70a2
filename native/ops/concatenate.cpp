// y = [x_1 x_2 ...]: the columns of the inputs side by side. dx_i is dy's columns of x_i.
//
// Columns move between panels where a width is no multiple of a panel, so this copies; nothing is computed.
#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T>
class Concatenate final : public Op<T> {
 public:
  Concatenate(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan) {
    for (int i = 0; i < s.reads(); i++) widths_.push_back(plan.widths[static_cast<std::size_t>(s.read(i))]);
  }

  bool by_row() const override { return true; }
  bool in_place() const override { return false; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    T* y = this->out(pass, rows.first);
    each_input([&](int i, long width, long at) {
      const T* x = this->in(pass, rows.first, i, width);
      each_part(pass, rows, width, at,
                [&](long narrow, long wide, long count) { std::copy_n(x + narrow, count, y + wide); });
    });
    clear_padding(pass, rows, y, this->out_width);
  }

  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T* dy = this->out_gradient(pass, rows.first);
    each_input([&](int i, long width, long at) {
      if (!this->wants[static_cast<std::size_t>(i)]) return;
      T* dx = this->in_gradient(pass, rows.first, i, width);
      each_part(pass, rows, width, at,
                [&](long narrow, long wide, long count) { std::copy_n(dy + wide, count, dx + narrow); });
      clear_padding(pass, rows, dx, width);
    });
  }

 private:
  // Calls body(input, its width, its first column in the output).
  template <class Body>
  void each_input(Body&& body) const {
    long at = 0;
    for (std::size_t i = 0; i < widths_.size(); at += widths_[i++]) body(static_cast<int>(i), widths_[i], at);
  }

  // Calls body(offset in the input, offset in the output, count) for numbers that lie together in both.
  template <class Body>
  void each_part(const Pass<T>& pass, Rows rows, long width, long at, Body&& body) const {
    constexpr long P = kPanel<T>;
    const long stride = this->stride(pass);
    for (long panel = 0; panel < panels<T>(width); panel++) {
      const long count = columns_of<T>(width, panel), column = at + panel * P, shift = column % P;
      const long narrow = panel * stride, wide = column / P * stride;
      if (count == P && shift == 0) {
        body(narrow + rows.first * P, wide + rows.first * P, rows.count() * P);
        continue;
      }
      const long here = std::min(count, P - shift);
      for (long r = rows.first; r < rows.last; r++) {
        body(narrow + r * P, wide + r * P + shift, here);
        if (here < count) body(narrow + r * P + here, wide + stride + r * P, count - here);
      }
    }
  }

  void clear_padding(const Pass<T>& pass, Rows rows, T* values, long width) const {
    constexpr long P = kPanel<T>;
    const long used = width % P;
    if (used == 0) return;
    for (long r = rows.first; r < rows.last; r++)
      std::fill_n(values + (panels<T>(width) - 1) * this->stride(pass) + r * P + used, P - used, T(0));
  }

  std::vector<long> widths_;  // of the inputs
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_concatenate(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Concatenate<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_concatenate<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_concatenate<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
