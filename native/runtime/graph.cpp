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

namespace {

// Whether op i + 1 follows op i and is all that reads what that writes.
bool goes_on(const PlanSpec& plan, std::size_t i) {
  if (i + 1 >= plan.ops.size()) return false;
  const int value = plan.ops[i].output;
  return plan.ops[i + 1].input == value && readers(plan, value) == 1 && value != plan.output;
}

bool is_relu(const OpSpec& s) { return s.kind == OpKind::activation && s.function == Function::relu; }

// A maximum over windows of 2 x 2 pixels side by side. Of sequences, which may have lengths of their own, there is
// none.
bool is_quarter(const OpSpec& s) {
  const WindowSpec& w = s.window;
  return s.kind == OpKind::pool && !s.average && w.height == 2 && w.width == 2 && w.stride_y == 2 && w.stride_x == 2 &&
         w.dilation_y == 1 && w.dilation_x == 1 && w.top == 0 && w.left == 0 && w.grid_height == w.image_height / 2 &&
         w.grid_width == w.image_width / 2;
}

// How many ops from i on can be one, and that one.
std::size_t fuse(const PlanSpec& plan, std::size_t i, OpSpec& one) {
  one = plan.ops[i];
  const bool normalized = one.kind == OpKind::batch_norm && !one.frozen;
  std::size_t last = i;
  const auto follows = [&](auto&& is) { return goes_on(plan, last) && is(plan.ops[last + 1]); };
  const bool rectified = normalized ? follows(is_relu) : is_relu(one);
  if (!rectified && !normalized) return 1;
  last += normalized && rectified;
  if (normalized && follows(is_quarter)) {
    one.kind = OpKind::norm_pool;
    one.window = plan.ops[++last].window;
  } else if (rectified && follows([](const OpSpec& s) { return s.kind == OpKind::dropout; })) {
    const OpSpec& dropout = plan.ops[++last];
    one.kind = normalized ? OpKind::norm_relu : OpKind::dropout;
    one.rate = dropout.rate, one.stream = dropout.stream, one.whole = dropout.whole;
  } else if (normalized && rectified) {
    one.kind = OpKind::norm_relu;
  } else {
    return 1;
  }
  one.rectified = rectified;
  one.output = plan.ops[last].output;
  return last + 1 - i;
}

}  // namespace

PlanSpec with_fused_ops(PlanSpec plan) {
  std::vector<OpSpec> ops;
  for (std::size_t i = 0; i < plan.ops.size();) i += fuse(plan, i, ops.emplace_back());
  plan.ops = std::move(ops);
  return plan;
}

}  // namespace descend
