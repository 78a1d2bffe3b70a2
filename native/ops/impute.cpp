// y = x, or the column's filling where x is NaN. The last `count` slots are indicators: 1 where x is NaN, otherwise 0.
#include "ops/column_map.hpp"

namespace descend {

namespace {

template <class T>
class Impute final : public ColumnMap<T> {
 public:
  Impute(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : ColumnMap<T>(s, plan), fill_(this->offset_of(placement, s.weight)), filled_(this->slots() - s.count) {}

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T* fill = pass.weights + fill_;
    this->map_each(pass, rows, [&](long s, T x) {
      if (s >= filled_) return T(x == x ? 0 : 1);
      return x == x ? x : fill[s];
    });
  }

 private:
  long fill_, filled_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_impute(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<Impute<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_impute<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_impute<double>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);

}  // namespace descend
