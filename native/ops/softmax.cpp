// y_j = e^(x_j - max) / sum; dx = y (dy - sum_j y_j dy_j).
#include "ops/ops.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

template <class T>
class Softmax final : public Op<T> {
 public:
  Softmax(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan) {}

  bool by_row() const override { return true; }
  bool keeps_output() const override { return true; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T* x = this->in(pass, rows.first) + r * kPanel<T>;
      T* y = this->out(pass, rows.first) + r * kPanel<T>;
      const T sum = row_exponentials(x, row_max(x, n, stride), y, n, stride);
      each_in_row<T>(n, stride, [&](long o, long) { store(y + o, load(y + o) / sum); });
    }
  }

  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T *y = this->out(pass, rows.first) + r * kPanel<T>,
              *dy = this->out_gradient(pass, rows.first) + r * kPanel<T>;
      T* dx = this->in_gradient(pass, rows.first) + r * kPanel<T>;
      LaneSums<T> sums;
      each_in_row<T>(n, stride, [&](long o, long c) { sums.add(c, load(y + o) * load(dy + o)); });
      const T dot = sums.total();
      each_in_row<T>(n, stride, [&](long o, long) { store(dx + o, load(y + o) * (load(dy + o) - dot)); });
    }
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_softmax(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>&) {
  return std::make_unique<Softmax<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_softmax<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_softmax<double>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);

}  // namespace descend
