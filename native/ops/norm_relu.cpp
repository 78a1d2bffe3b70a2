// Batch normalization, the ReLU after it and, where there is one, the dropout after that, in one: a line is read and
// written once in each direction. What the ReLU or dropout cut is zero in the output, which tells backward.
#include "ops/batch_norm.hpp"
#include "ops/dropout.hpp"

namespace descend {

namespace {

template <class T>
class NormRelu final : public BatchNorm<T> {
 public:
  NormRelu(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : BatchNorm<T>(s, plan, placement), dropped_(s, this->out_width, this->out_positions) {}

  bool keeps_output() const override { return true; }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    if (!pass.training || !dropped_.any())
      return this->forward_then(pass, rows, p, [](Vec<T> y, long, long) { return max_keep_nan<T>(y, Vec<T>{}); });
    this->forward_then(pass, rows, p, [kept = dropped_.in(pass), scale = dropped_.scale](Vec<T> y, long r, long c) {
      return rectified<T>(kept(r, c), y, scale);
    });
  }

  void backward_sums(const Pass<T>& pass, Rows rows, Panels p) const override {
    this->backward_sums_of(pass, rows, p, gradient(pass, rows));
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    this->backward_of(pass, rows, p, gradient(pass, rows));
  }

 private:
  // Of the normalized values, from that of the output.
  auto gradient(const Pass<T>& pass, Rows rows) const {
    return [y = this->out(pass, rows.first), dy = this->out_gradient(pass, rows.first),
            scale = dropped_.scale](long o) { return load(y + o) > T(0) ? load(dy + o) * scale : Vec<T>{}; };
  }

  Dropped<T> dropped_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_norm_relu(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<NormRelu<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_norm_relu<float>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_norm_relu<double>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);

}  // namespace descend
