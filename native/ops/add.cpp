// y = x_1 + x_2 + ..., added in this order. dx_i = dy.
#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T>
class Add final : public Op<T> {
 public:
  Add(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan) {}

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    T* y = this->out(pass, rows.first);
    const T *a = this->in(pass, rows.first), *b = this->in(pass, rows.first, 1, this->in_width);
    each(pass, rows, p, [&](long o) { store(y + o, load(a + o) + load(b + o)); });
    for (int i = 2; i < this->spec.reads(); i++) {
      const T* x = this->in(pass, rows.first, i, this->in_width);
      each(pass, rows, p, [&](long o) { store(y + o, load(y + o) + load(x + o)); });
    }
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* dy = this->out_gradient(pass, rows.first);
    for (int i = 0; i < this->spec.reads(); i++) {
      if (!this->wants[static_cast<std::size_t>(i)]) continue;
      T* dx = this->in_gradient(pass, rows.first, i, this->in_width);
      if (dx != dy) each(pass, rows, p, [&](long o) { store(dx + o, load(dy + o)); });
    }
  }

 private:
  template <class Body>
  void each(const Pass<T>& pass, Rows rows, Panels p, Body&& body) const {
    for (long panel = p.first; panel < p.last; panel++) {
      const long first = panel * this->stride(pass);
      for (long o = first + rows.first * kPanel<T>; o < first + rows.last * kPanel<T>; o += kLanes<T>) body(o);
    }
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_add(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Add<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_add<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_add<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
