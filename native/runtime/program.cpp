#include "runtime/program.hpp"

#include "kernels/product.hpp"
#include "ops/ops.hpp"

namespace descend {

namespace {

template <class T>
std::unique_ptr<Op<T>> make_op(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement,
                               bool sparse) {
  switch (s.kind) {
    case OpKind::dense:
      if (sparse && s.input == plan.input) return make_sparse_dense<T>(s, plan, placement);
      return make_dense<T>(s, plan, placement);
    case OpKind::batch_norm: return make_batch_norm<T>(s, plan, placement);
    case OpKind::layer_norm: return make_layer_norm<T>(s, plan, placement);
    case OpKind::activation: return make_activation<T>(s, plan, placement);
    case OpKind::prelu: return make_prelu<T>(s, plan, placement);
    case OpKind::softmax: return make_softmax<T>(s, plan, placement);
    case OpKind::dropout: return make_dropout<T>(s, plan, false);
    case OpKind::gaussian_noise: return make_gaussian_noise<T>(s, plan);
  }
  return nullptr;
}

int readers(const PlanSpec& plan, int value) {
  int n = plan.has_loss && plan.loss.prediction == value;
  for (const OpSpec& s : plan.ops) n += s.input == value;
  return n;
}

// Builds the phases of one pass over a batch.
template <class T>
class Scheduler {
 public:
  using Method = typename Step<T>::Method;

  Scheduler() : phases_(1) {}

  void rows(const Op<T>* op, Method method) { phases_.back().sweeps.push_back({0, true, {{op, method}}}); }

  // A product of many terms takes all panels at once, so that it can go block of terms by block of terms.
  void product(const Op<T>* op, Method method, long panels, long terms) {
    phases_.back().sweeps.push_back({panels, terms > kTermBlock, {{op, method}}});
  }

  // A step that needs of each panel only what the step before left there joins its sweep.
  void panel(const Op<T>* op, Method method, long panels) {
    auto& sweeps = phases_.back().sweeps;
    if (!sweeps.empty() && sweeps.back().panels == panels && !sweeps.back().at_once)
      sweeps.back().steps.push_back({op, method});
    else
      sweeps.push_back({panels, false, {{op, method}}});
  }

  void meet(const Op<T>* totals, bool backward) { phases_.push_back({totals, backward, {}}); }

  std::vector<Phase<T>> take() { return std::move(phases_); }

 private:
  std::vector<Phase<T>> phases_;
};

}  // namespace

template <class T>
bool Program<T>::takes_sparse_rows(const PlanSpec& plan) {
  bool takes = plan.output != plan.input && !(plan.has_loss && plan.loss.prediction == plan.input);
  for (const OpSpec& s : plan.ops) takes &= s.input != plan.input || s.kind == OpKind::dense;
  return takes;
}

template <class T>
Program<T>::Program(const PlanSpec& plan_, bool sparse_) : plan(plan_), sparse(sparse_) {
  place_parameters();
  make_ops();
  find_homes();
  schedule();
}

template <class T>
void Program<T>::place_parameters() {
  for (const ParameterSpec& p : plan.parameters) {
    placement.push_back({size, padded<T>(p.columns) * p.rows, -1});
    size += placement.back().size;
  }
  for (const OpSpec& s : plan.ops) {
    if (s.kind != OpKind::dense || s.input == plan.input) continue;  // nobody wants the gradient of the input
    const auto w = static_cast<std::size_t>(s.weight);
    if (placement[w].transposed >= 0) continue;
    placement[w].transposed = transposed_size;
    transposed_size += padded<T>(plan.parameters[w].rows) * padded<T>(plan.parameters[w].columns);
  }
}

template <class T>
void Program<T>::make_ops() {
  for (std::size_t i = 0; i < plan.ops.size(); i++) {
    const OpSpec& s = plan.ops[i];
    const OpSpec* next = i + 1 < plan.ops.size() ? &plan.ops[i + 1] : nullptr;
    const bool relu = s.kind == OpKind::activation && s.function == Function::relu;
    if (relu && next && next->kind == OpKind::dropout && next->input == s.output && readers(plan, s.output) == 1) {
      OpSpec both = *next;
      both.input = s.input;
      ops.push_back(make_dropout<T>(both, plan, true));
      i++;
    } else {
      ops.push_back(make_op<T>(s, plan, placement, sparse));
    }
    ops.back()->index = static_cast<int>(ops.size()) - 1;
  }
  if (plan.has_loss) {
    loss = make_loss<T>(plan.loss, plan);
    loss->index = static_cast<int>(ops.size());
  }
}

template <class T>
void Program<T>::find_homes() {
  value_home.resize(plan.widths.size());
  for (std::size_t v = 0; v < value_home.size(); v++) value_home[v] = static_cast<int>(v);
  gradient_home = value_home;
  std::vector<const Op<T>*> producer(plan.widths.size(), nullptr);
  for (const auto& op : ops) {
    const auto in = static_cast<std::size_t>(op->spec.input), out = static_cast<std::size_t>(op->spec.output);
    producer[out] = op.get();
    if (!(op->by_panel() || op->by_row()) || readers(plan, op->spec.input) != 1) continue;
    if (!op->keeps_input() && op->spec.input != plan.input && !(producer[in] && producer[in]->keeps_output()))
      value_home[out] = value_home[in];
    gradient_home[out] = gradient_home[in];
  }
}

template <class T>
void Program<T>::schedule() {
  const auto width = [&](int v) { return panels<T>(plan.widths[static_cast<std::size_t>(v)]); };
  const auto forward = [&](bool in_training, int last) {
    Scheduler<T> s;
    for (const auto& op : ops) {
      if (op->by_row())
        s.rows(op.get(), &Op<T>::forward);
      else if (!op->by_panel())
        s.product(op.get(), &Op<T>::forward, width(op->spec.output), op->in_width);
      else {
        if (in_training && op->reduces()) {
          s.panel(op.get(), &Op<T>::forward_sums, width(op->spec.input));
          s.meet(op.get(), false);
        }
        s.panel(op.get(), &Op<T>::forward, width(op->spec.output));
      }
      if (op->spec.output == last) break;
    }
    return s;
  };
  inference = forward(false, plan.output).take();
  const auto weights = [&](const Op<T>& op) {  // that every row meets
    const bool product = !op.by_panel() && !op.by_row() && !(sparse && op.spec.input == plan.input);
    return product ? static_cast<double>(op.in_width * op.out_width) : 0;
  };
  for (const auto& op : ops) flops_forward += 2 * weights(*op);
  count_sparse_work();
  if (!loss) return;
  auto evaluate = forward(false, plan.loss.prediction);
  evaluate.rows(loss.get(), &Op<T>::forward);
  evaluation = evaluate.take();

  auto s = forward(true, plan.loss.prediction);
  s.rows(loss.get(), &Op<T>::forward);
  if (loss->reduces()) {
    s.meet(nullptr, true);
    s.rows(loss.get(), &Op<T>::backward);
  }
  std::vector<bool> wanted(plan.widths.size(), false);
  std::size_t trained = 0;  // ops up to the loss
  for (const auto& op : ops) {
    op->wants_input = wanted[static_cast<std::size_t>(op->spec.input)];
    wanted[static_cast<std::size_t>(op->spec.output)] = op->wants_input || op->trainable();
    trained++;
    flops_training += (op->wants_input ? 6 : 4) * weights(*op);
    if (op->spec.output == plan.loss.prediction) break;
  }
  for (std::size_t i = trained; i-- > 0;) {
    const Op<T>* op = ops[i].get();
    if (!wanted[static_cast<std::size_t>(op->spec.output)]) continue;
    if (op->by_panel() && op->reduces()) {
      s.panel(op, &Op<T>::backward_sums, width(op->spec.output));
      s.meet(op, true);
    }
    const bool needed = op->wants_input || ((op->by_panel() || op->by_row()) && op->trainable() && !op->reduces());
    if (!needed) continue;
    if (op->by_row())
      s.rows(op, &Op<T>::backward);
    else if (!op->by_panel())
      s.product(op, &Op<T>::backward, width(op->spec.input), op->out_width);
    else
      s.panel(op, &Op<T>::backward, width(op->spec.input));
  }
  training = s.take();
}

template <class T>
void Program<T>::count_sparse_work() {
  constexpr double per_weight = 32;  // applying the optimizer, mostly memory traffic, in floating-point operations
  for (const auto& op : ops) {
    if (!sparse || op->spec.input != plan.input) continue;
    entry_flops += 2 * static_cast<double>(op->out_width);
    step_flops += per_weight * static_cast<double>(op->in_width * op->out_width);
  }
}

template <class T>
double Program<T>::forward_work(const Data<T>& data) const {
  const double entries = sparse ? static_cast<double>(data.sparse_X.starts[data.rows]) : 0;
  return flops_forward * static_cast<double>(data.rows) + entry_flops * entries;
}

template <class T>
double Program<T>::training_work(const Data<T>& data, long batch) const {
  const double rows = static_cast<double>(batch), all = static_cast<double>(std::max(1L, data.rows));
  const double entries = sparse ? static_cast<double>(data.sparse_X.starts[data.rows]) * rows / all : 0;
  return flops_training * rows + 2 * entry_flops * entries + step_flops;
}

template <class T>
void run_phase(const Phase<T>& phase, const Pass<T>& pass, Rows rows) {
  if (phase.totals) {
    if (phase.backward)
      phase.totals->backward_totals(pass);
    else
      phase.totals->forward_totals(pass);
  }
  for (long first = rows.first; first < rows.last;) {
    const Rows part{first, std::min(rows.last, (first / pass.arena->group + 1) * pass.arena->group)};
    first = part.last;
    const long group = part.count() <= 2 ? 4 : kTilePanels;
    for (const Sweep<T>& sweep : phase.sweeps) {
      if (sweep.at_once) {
        for (const Step<T>& step : sweep.steps) (step.op->*step.method)(pass, part, {0, sweep.panels});
        continue;
      }
      for (long p = 0; p < sweep.panels; p += group)
        for (const Step<T>& step : sweep.steps)
          (step.op->*step.method)(pass, part, {p, std::min(sweep.panels, p + group)});
    }
  }
}

template class Program<float>;
template class Program<double>;
template void run_phase<float>(const Phase<float>&, const Pass<float>&, Rows);
template void run_phase<double>(const Phase<double>&, const Pass<double>&, Rows);

}  // namespace descend
