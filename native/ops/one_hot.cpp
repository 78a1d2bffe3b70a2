// 1 where the column's number is the slot's level, otherwise 0. A level that repeats the one before fills up a column
// of fewer levels and is always 0.
#include "ops/column_map.hpp"

namespace descend {

namespace {

template <class T>
class OneHot final : public ColumnMap<T> {
 public:
  OneHot(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : ColumnMap<T>(s, plan), levels_(this->offset_of(placement, s.weight)) {}

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T* level = pass.weights + levels_;
    this->map_each(pass, rows, [&](long s, T x) {
      const bool repeats = s > 0 && this->from(s) == this->from(s - 1) && level[s] == level[s - 1];
      return T(x == level[s] && !repeats ? 1 : 0);
    });
  }

 private:
  long levels_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_one_hot(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<OneHot<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_one_hot<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_one_hot<double>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);

}  // namespace descend
