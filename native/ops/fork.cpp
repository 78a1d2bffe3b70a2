// A further name of a value, for one of several readers. Forward does nothing: both names share the memory. Backward
// adds the gradient of this name to the value's, which the first reader wrote.
#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T>
class Fork final : public Op<T> {
 public:
  Fork(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan) {}

  bool in_place() const override { return false; }

  void forward(const Pass<T>&, Rows, Panels) const override {}

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* from = this->out_gradient(pass, rows.first);
    T* to = this->in_gradient(pass, rows.first);
    for (long panel = p.first; panel < p.last; panel++) {
      const long first = panel * this->stride(pass);
      for (long o = first + rows.first * kPanel<T>; o < first + rows.last * kPanel<T>; o += kLanes<T>)
        store(to + o, load(to + o) + load(from + o));
    }
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_fork(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Fork<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_fork<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_fork<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
