// The part of each of a column's bins that lies below x: (x - start) / width, cut to [0, 1], except below in the first
// and above in the last of a column's `count` bins. A bin without width is always 0.
#include "ops/column_map.hpp"

namespace descend {

namespace {

template <class T>
class PiecewiseLinear final : public ColumnMap<T> {
 public:
  PiecewiseLinear(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : ColumnMap<T>(s, plan),
        start_(this->offset_of(placement, s.weight)),
        width_(this->offset_of(placement, s.bias)),
        low_(static_cast<std::size_t>(padded<T>(this->slots()))),
        high_(low_.size()) {
    for (long i = 0; i < this->slots(); i++) {
      low_[static_cast<std::size_t>(i)] = i % s.count == 0 ? T(-INFINITY) : T(0);
      high_[static_cast<std::size_t>(i)] = i % s.count == s.count - 1 ? T(INFINITY) : T(1);
    }
  }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T *start = pass.weights + start_, *width = pass.weights + width_;
    this->map(pass, rows, [&](long s, Vec<T> x) {
      const Vec<T> w = load(width + s), q = (x - load(start + s)) / (w > T(0) ? w : splat(T(1)));
      const Vec<T> cut =
          min_keep_nan<T>(max_keep_nan<T>(q, load_unaligned(low_.data() + s)), load_unaligned(high_.data() + s));
      return w > T(0) ? cut : Vec<T>{};
    });
  }

 private:
  long start_, width_;
  std::vector<T> low_, high_;  // of each slot, filled up to whole vectors
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_piecewise_linear(const OpSpec& s, const PlanSpec& plan,
                                             const std::vector<Placement>& placement) {
  return std::make_unique<PiecewiseLinear<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_piecewise_linear<float>(const OpSpec&, const PlanSpec&,
                                                                 const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_piecewise_linear<double>(const OpSpec&, const PlanSpec&,
                                                                   const std::vector<Placement>&);

}  // namespace descend
