#include "runtime/graph.hpp"

namespace descend {

int readers(const PlanSpec& plan, int value) {
  int n = plan.has_loss && plan.loss.prediction == value;
  for (const OpSpec& s : plan.ops)
    for (int i = 0; i < s.reads(); i++) n += s.read(i) == value;
  return n;
}

std::vector<bool> values_for(const PlanSpec& plan, int last) {
  std::vector<bool> needed(plan.widths.size(), false);
  needed[static_cast<std::size_t>(last)] = true;
  for (std::size_t i = plan.ops.size(); i-- > 0;) {
    const OpSpec& s = plan.ops[i];
    if (!needed[static_cast<std::size_t>(s.output)]) continue;
    for (int k = 0; k < s.reads(); k++) needed[static_cast<std::size_t>(s.read(k))] = true;
  }
  return needed;
}

PlanSpec with_forks(PlanSpec plan) {
  if (!plan.has_loss) return plan;
  const std::vector<bool> trained = values_for(plan, plan.loss.prediction);
  const std::size_t values = plan.widths.size();
  std::vector<bool> read(values, false);
  std::vector<std::vector<OpSpec>> forks(values);  // of each value, in the order of its further readers
  for (OpSpec& s : plan.ops) {
    if (!trained[static_cast<std::size_t>(s.output)]) continue;
    for (int k = 0; k < s.reads(); k++) {
      const int value = s.read(k);
      const auto v = static_cast<std::size_t>(value);
      if (value == plan.input) continue;
      if (read[v]) {
        OpSpec fork{OpKind::fork, value, static_cast<int>(plan.widths.size())};
        plan.widths.push_back(plan.widths[v]);
        if (!plan.positions.empty()) plan.positions.push_back(plan.positions[v]);
        (k == 0 ? s.input : s.further[static_cast<std::size_t>(k - 1)]) = fork.output;
        forks[v].push_back(fork);
      }
      read[v] = true;
    }
  }
  std::vector<OpSpec> ops;
  for (const OpSpec& s : plan.ops) {
    ops.push_back(s);
    // Backward runs from the last op to the first, so this adds the readers' gradients in their order.
    const auto& own = forks[static_cast<std::size_t>(s.output)];
    if (static_cast<std::size_t>(s.output) < values) ops.insert(ops.end(), own.rbegin(), own.rend());
  }
  plan.ops = std::move(ops);
  return plan;
}

}  // namespace descend
