// The line through the points (knot, value) of each column; constant before the first and after the last. Knots do not
// decrease; of equal ones the last counts.
#include "ops/column_map.hpp"

namespace descend {

namespace {

template <class T>
class Interpolate final : public ColumnMap<T> {
 public:
  Interpolate(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : ColumnMap<T>(s, plan),
        knots_(this->offset_of(placement, s.weight)),
        values_(this->offset_of(placement, s.bias)),
        count_(plan.parameters[static_cast<std::size_t>(s.weight)].rows) {}

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    this->map_each(pass, rows, [&](long s, T x) {
      // Both are matrices (count, slots) in panels of columns.
      const long column = this->at(s, count_ * kPanel<T>);
      const T *knot = pass.weights + knots_ + column, *value = pass.weights + values_ + column;
      long low = -1, high = count_;  // knot[low] <= x < knot[high], as if there were infinite ones at both ends
      while (high - low > 1) {
        const long middle = (low + high) / 2;
        (knot[middle * kPanel<T>] <= x ? low : high) = middle;
      }
      const auto k = [&](long i) { return knot[i * kPanel<T>]; };
      const auto v = [&](long i) { return value[i * kPanel<T>]; };
      if (low < 0) return v(0);
      if (high == count_) return v(count_ - 1);
      return v(low) + (x - k(low)) / (k(high) - k(low)) * (v(high) - v(low));
    });
  }

 private:
  long knots_, values_, count_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_interpolate(const OpSpec& s, const PlanSpec& plan,
                                        const std::vector<Placement>& placement) {
  return std::make_unique<Interpolate<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_interpolate<float>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_interpolate<double>(const OpSpec&, const PlanSpec&,
                                                              const std::vector<Placement>&);

}  // namespace descend
