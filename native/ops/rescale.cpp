// y = (x - center) / spread, and with a limit c then y / sqrt(1 + (y / c)^2), column by column.
#include "ops/column_map.hpp"

namespace descend {

namespace {

template <class T>
class Rescale final : public ColumnMap<T> {
 public:
  Rescale(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : ColumnMap<T>(s, plan),
        center_(this->offset_of(placement, s.weight)),
        spread_(this->offset_of(placement, s.bias)),
        limit_(static_cast<T>(s.limit)) {}

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T *center = pass.weights + center_, *spread = pass.weights + spread_;
    const long n = this->slots();
    const auto scaled = [&](long s, Vec<T> x) {
      // Behind the last slot there is no spread to divide by.
      const Vec<T> by = lane_index<T>() < static_cast<Lane>(n - s) ? load(spread + s) : splat(T(1));
      return (x - load(center + s)) / by;
    };
    if (limit_ == T(INFINITY)) return this->map(pass, rows, scaled);
    this->map(pass, rows, [&](long s, Vec<T> x) {
      // Beyond 10^8 the square root is the quotient itself, and squares would overflow.
      const Vec<T> far = splat(T(1e8)), q = min_keep_nan<T>(max_keep_nan<T>(scaled(s, x) / limit_, -far), far);
      return limit_ * (q / sqrt<T>(q * q + T(1)));
    });
  }

 private:
  using Lane = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

  long center_, spread_;
  T limit_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_rescale(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<Rescale<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_rescale<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_rescale<double>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);

}  // namespace descend
