#include "ops/batch_norm.hpp"

namespace descend {

template <class T>
std::unique_ptr<Op<T>> make_batch_norm(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  if (s.frozen) return make_frozen_batch_norm<T>(s, plan, placement);
  return std::make_unique<BatchNorm<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_batch_norm<float>(const OpSpec&, const PlanSpec&,
                                                           const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_batch_norm<double>(const OpSpec&, const PlanSpec&,
                                                             const std::vector<Placement>&);

}  // namespace descend
