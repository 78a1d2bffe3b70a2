// The same numbers of a row, in the same order, with other axes: moves them
// between lines of different widths.
#include <cstring>

#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T>
class Reshape final : public Op<T> {
 public:
  using Op<T>::Op;

  bool by_panel() const override { return false; }
  bool by_row() const override { return true; }
  bool in_place() const override { return false; }

  void forward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_row(lines, [&](long r) {
      move(this->in(pass, r * this->in_positions), pass.arena->stride(this->in_positions), r, this->in_width,
           this->in_positions, this->out(pass, r * this->out_positions), pass.arena->stride(this->out_positions),
           this->out_width, this->out_positions);
    });
  }

  void backward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_row(lines, [&](long r) {
      move(this->out_gradient(pass, r * this->out_positions), pass.arena->stride(this->out_positions), r,
           this->out_width, this->out_positions, this->in_gradient(pass, r * this->in_positions),
           pass.arena->stride(this->in_positions), this->in_width, this->in_positions);
    });
  }

 private:
  static constexpr long P = kPanel<T>;

  template <class Body>
  void each_row(Rows lines, Body&& body) const {
    for (long r = lines.first / this->in_positions; r < lines.last / this->in_positions; r++) body(r);
  }

  // Row r from one matrix to another. Pieces end where a panel of either ends.
  static void move(const T* from, long from_stride, long r, long from_width, long from_positions, T* to, long to_stride,
                   long to_width, long to_positions) {
    long column = 0, line = r * to_positions;
    for (long q = r * from_positions; q < (r + 1) * from_positions; q++)
      for (long c = 0; c < from_width;) {
        const long count = std::min({from_width - c, P - c % P, to_width - column, P - column % P});
        T* const at = to + column / P * to_stride + line * P + column % P;
        const T* const source = from + c / P * from_stride + q * P + c % P;
        if (count == P)
          std::memcpy(at, source, P * sizeof(T));
        else
          std::copy(source, source + count, at);
        c += count;
        column += count;
        if (column == to_width) column = 0, line++;
      }
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_reshape(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Reshape<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_reshape<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_reshape<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
