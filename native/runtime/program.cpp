#include "runtime/program.hpp"

#include "kernels/product.hpp"
#include "ops/ops.hpp"
#include "runtime/graph.hpp"
#include "runtime/kernel.hpp"

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
    case OpKind::norm_relu: return make_norm_relu<T>(s, plan, placement);
    case OpKind::norm_pool: return make_norm_pool<T>(s, plan, placement);
    case OpKind::layer_norm: return make_layer_norm<T>(s, plan, placement);
    case OpKind::activation: return make_activation<T>(s, plan, placement);
    case OpKind::prelu: return make_prelu<T>(s, plan, placement);
    case OpKind::softmax: return make_softmax<T>(s, plan, placement);
    case OpKind::dropout: return make_dropout<T>(s, plan);
    case OpKind::mix: return make_mix<T>(s, plan);
    case OpKind::swap_noise: return make_swap_noise<T>(s, plan);
    case OpKind::warp: return make_warp<T>(s, plan);
    case OpKind::adjust: return make_adjust<T>(s, plan);
    case OpKind::erase: return make_erase<T>(s, plan);
    case OpKind::gaussian_noise: return make_gaussian_noise<T>(s, plan);
    case OpKind::convolution: return make_convolution<T>(s, plan, placement);
    case OpKind::depthwise: return make_depthwise<T>(s, plan, placement);
    case OpKind::pool: return make_pool<T>(s, plan);
    case OpKind::reshape: return make_reshape<T>(s, plan);
    case OpKind::add: return make_add<T>(s, plan);
    case OpKind::concatenate: return make_concatenate<T>(s, plan);
    case OpKind::embedding: return make_embedding<T>(s, plan, placement);
    case OpKind::fork: return make_fork<T>(s, plan);
    case OpKind::recurrent: return make_recurrent<T>(s, plan, placement);
    case OpKind::rescale: return make_rescale<T>(s, plan, placement);
    case OpKind::interpolate: return make_interpolate<T>(s, plan, placement);
    case OpKind::impute: return make_impute<T>(s, plan, placement);
    case OpKind::one_hot: return make_one_hot<T>(s, plan, placement);
    case OpKind::periodic: return make_periodic<T>(s, plan, placement);
    case OpKind::piecewise_linear: return make_piecewise_linear<T>(s, plan, placement);
  }
  return nullptr;
}

std::size_t id(int i) { return static_cast<std::size_t>(i); }

// Rows that an op should take at a time: as many as fit a second-level cache, input and output together.
template <class T>
long chunk_of(const Op<T>& op, long row_block) {
  constexpr long cache = 384 << 10;  // bytes
  if (op.spec.kind == OpKind::recurrent || (op.in_positions == 1 && op.out_positions == 1)) return kRowTermBlock;
  const long row = static_cast<long>(sizeof(T)) *
                   (padded<T>(op.in_width) * op.in_positions + padded<T>(op.out_width) * op.out_positions);
  long chunk = row_block;
  while (chunk < kRowTermBlock && 2 * chunk * row <= cache) chunk *= 2;
  return chunk;
}

// Builds the phases of one pass over a batch.
template <class T>
class Scheduler {
 public:
  using Method = typename Step<T>::Method;

  explicit Scheduler(long row_block) : phases_(1), row_block_(row_block) {}

  void rows(const Op<T>* op, Method method, long part = 0) { sweeps(op).push_back({0, true, {{op, method}}, part}); }

  // All parts of an op on whole rows.
  void parts(const Op<T>* op, Method method, bool backward) {
    for (long k = 0; k < op->parts(backward); k++) {
      if (k) meet(op, backward, k);
      rows(op, method, k);
    }
  }

  // A product of many terms takes all panels at once, so that it can go block of terms by block of terms.
  void product(const Op<T>* op, Method method, long panels, bool at_once) {
    sweeps(op).push_back({panels, at_once, {{op, method}}});
  }

  // A step that needs of each panel only what the step before left there joins its sweep.
  void panel(const Op<T>* op, Method method, long panels) {
    auto& sweeps = this->sweeps(op);
    if (!sweeps.empty() && sweeps.back().panels == panels && !sweeps.back().at_once)
      sweeps.back().steps.push_back({op, method});
    else
      sweeps.push_back({panels, false, {{op, method}}});
  }

  void meet(const Op<T>* totals, bool backward, long part = 0) { phases_.push_back({totals, backward, part, {}}); }

  std::vector<Phase<T>> take() { return std::move(phases_); }

 private:
  // Where a sweep of `op` goes: into the stretch before unless its rows are of quite another size.
  std::vector<Sweep<T>>& sweeps(const Op<T>* op) {
    constexpr long apart = 4;
    const long chunk = chunk_of(*op, row_block_);
    auto& stretches = phases_.back().stretches;
    if (stretches.empty() || chunk >= apart * stretches.back().chunk || stretches.back().chunk >= apart * chunk)
      stretches.push_back({chunk, {}});
    stretches.back().chunk = std::min(stretches.back().chunk, chunk);
    return stretches.back().sweeps;
  }

  std::vector<Phase<T>> phases_;
  long row_block_;
};

}  // namespace

template <class T>
bool Program<T>::takes_sparse_rows(const PlanSpec& plan) {
  bool takes = plan.positions_of(plan.input) == 1 && plan.output != plan.input &&
               !(plan.has_loss && plan.loss.prediction == plan.input);
  for (const OpSpec& s : plan.ops)
    for (int i = 0; i < s.reads(); i++) takes &= s.read(i) != plan.input || (s.kind == OpKind::dense && !s.transposed);
  return takes;
}

template <class T>
Program<T>::Program(const PlanSpec& plan_, bool sparse_, bool fused)
    : plan(fused ? with_fused_ops(with_forks(plan_)) : with_forks(plan_)), sparse(sparse_) {
  choose_block();
  place_parameters();
  make_ops();
  find_homes();
  schedule();
}

template <class T>
void Program<T>::choose_block() {
  constexpr long most = 512;  // lines of a block, so that rows with many positions can be split among threads
  for (std::size_t v = 0; v < plan.widths.size(); v++)
    while (row_block > 1 && row_block * plan.positions_of(static_cast<int>(v)) > most) row_block /= 2;
  for (const OpSpec& s : plan.ops)
    if (s.kind == OpKind::recurrent) row_block = kCellRows;
}

template <class T>
void Program<T>::place_parameters() {
  for (const ParameterSpec& p : plan.parameters) {
    const Kernel<T> kernel(p);
    placement.push_back({size, kernel.size(), -1, panels<T>(kernel.out)});
    size += placement.back().size;
  }
  const auto transpose = [&](int id) {
    Placement& place = placement[static_cast<std::size_t>(id)];
    if (place.transposed >= 0) return;
    place.transposed = transposed_size;
    transposed_size += Kernel<T>(plan.parameters[static_cast<std::size_t>(id)]).transposed_size();
  };
  for (const OpSpec& s : plan.ops) {
    reads_transposed |= s.transposed;
    const bool masked = s.drop_rate > 0 && s.kind != OpKind::dense;  // it transposes what it keeps of its weight
    if (s.kind == OpKind::recurrent && !masked) transpose(s.recurrent);
    if (s.kind == OpKind::dense) {  // others turn over what they need of it
      if (s.transposed || (s.drop_rate > 0 && s.input != plan.input)) transpose(s.weight);
      continue;
    }
    const bool product = s.kind == OpKind::recurrent || (s.kind == OpKind::convolution && !masked);
    if (product && s.input != plan.input) transpose(s.weight);  // nobody wants the gradient of the input
  }
}

template <class T>
void Program<T>::make_ops() {
  for (const OpSpec& s : plan.ops) {
    ops.push_back(make_op<T>(s, plan, placement, sparse));
    ops.back()->index = static_cast<int>(ops.size()) - 1;
  }
  for (const auto& op : ops)
    if (op->prepares()) preparing.push_back(op.get());
  if (plan.has_loss) {
    loss = make_loss<T>(plan.loss, plan, ops);
    loss->index = static_cast<int>(ops.size());
  }
}

template <class T>
void Program<T>::find_homes() {
  value_home.resize(plan.widths.size());
  for (std::size_t v = 0; v < value_home.size(); v++) value_home[v] = static_cast<int>(v);
  gradient_home = value_home;
  std::vector<const Op<T>*> producer(plan.widths.size(), nullptr);
  std::vector<int> forks(plan.widths.size(), 0);
  for (const OpSpec& s : plan.ops) forks[id(s.input)] += s.kind == OpKind::fork;
  const auto forked = [&](int v) { return producer[id(v)] && producer[id(v)]->spec.kind == OpKind::fork; };
  const auto may_overwrite = [&](int v) {
    return v != plan.input && readers(plan, v) == 1 && !forked(v) && !producer[id(v)]->keeps_output();
  };
  const auto find = [](const Op<T>& op, auto&& fits) {  // the first input that fits, of the first two
    for (int i = 0; i < std::min(2, op.spec.reads()); i++)
      if (fits(op.spec.read(i))) return op.spec.read(i);
    return -1;
  };
  for (const auto& op : ops) {
    const std::size_t out = id(op->spec.output);
    producer[out] = op.get();
    if (op->spec.kind == OpKind::fork) value_home[out] = value_home[id(op->spec.input)];
    if (!op->in_place()) continue;
    const int value = op->keeps_input() ? -1 : find(*op, may_overwrite);
    if (value >= 0) value_home[out] = value_home[id(value)];
    // Forks add to a gradient after its first reader has left it there.
    const int gradient = find(*op, [&](int v) { return readers(plan, v) - forks[id(v)] == 1; });
    if (gradient >= 0) gradient_home[out] = gradient_home[id(gradient)];
  }
  gradient_on_value.assign(plan.widths.size(), -1);
  for (const auto& op : ops) {
    const int v = op->spec.input;
    if (op->gradient_on_input() && may_overwrite(v)) gradient_on_value[id(gradient_home[id(v)])] = value_home[id(v)];
  }
}

namespace {

// What `last` depends on, forward.
template <class T>
Scheduler<T> forward_to(const Program<T>& program, bool in_training, int last) {
  Scheduler<T> s(program.row_block);
  const std::vector<bool> needed = values_for(program.plan, last);
  for (const auto& op : program.ops) {
    if (!needed[id(op->spec.output)] || op->spec.kind == OpKind::fork) continue;
    if (op->by_row() && in_training)
      s.parts(op.get(), &Op<T>::forward, false);
    else if (op->by_row())
      s.rows(op.get(), &Op<T>::forward);
    else if (!op->by_panel())
      s.product(op.get(), &Op<T>::forward, panels<T>(op->out_width), op->at_once(op->in_width));
    else {
      if (in_training && op->reduces()) {
        s.panel(op.get(), &Op<T>::forward_sums, panels<T>(op->in_width));
        s.meet(op.get(), false);
      }
      s.panel(op.get(), &Op<T>::forward, panels<T>(op->out_width));
    }
  }
  return s;
}

// From the gradients of `wanted` values to those of the inputs and parameters that the ops want.
template <class T>
void backward_from(const Program<T>& program, const std::vector<bool>& wanted, Scheduler<T>& s) {
  for (std::size_t i = program.ops.size(); i-- > 0;) {
    const Op<T>* op = program.ops[i].get();
    if (!wanted[id(op->spec.output)]) continue;
    if (op->by_panel() && op->reduces()) {
      s.panel(op, &Op<T>::backward_sums, panels<T>(op->out_width));
      s.meet(op, true);
    }
    const bool needed = op->wants_input || ((op->by_panel() || op->by_row()) && op->trainable() && !op->reduces());
    if (!needed) continue;
    if (op->by_row())
      s.parts(op, &Op<T>::backward, true);
    else if (!op->by_panel())
      s.product(op, &Op<T>::backward, panels<T>(op->in_width), op->at_once(op->out_width));
    else
      s.panel(op, &Op<T>::backward, panels<T>(op->in_width));
  }
}

}  // namespace

template <class T>
void Program<T>::schedule() {
  inference = forward_to(*this, false, plan.output).take();
  for (const auto& op : ops) flops_forward += 2 * op->multiply_adds();
  count_sparse_work();
  if (!loss) return;
  auto evaluate = forward_to(*this, false, plan.loss.prediction);
  evaluate.rows(loss.get(), &Op<T>::forward);
  evaluation = evaluate.take();

  auto s = forward_to(*this, true, plan.loss.prediction);
  s.rows(loss.get(), &Op<T>::forward);
  if (loss->reduces()) {
    s.meet(nullptr, true);
    s.rows(loss.get(), &Op<T>::backward);
  }
  const std::vector<bool> trained = values_for(plan, plan.loss.prediction);
  std::vector<bool> wanted(plan.widths.size(), false);
  for (const auto& op : ops) {
    if (!trained[id(op->spec.output)]) continue;
    for (int i = 0; i < op->spec.reads(); i++) op->wants.push_back(wanted[id(op->spec.read(i))]);
    op->wants_input = std::find(op->wants.begin(), op->wants.end(), true) != op->wants.end();
    wanted[id(op->spec.output)] = op->wants_input || op->trainable();
    flops_training += (op->wants_input ? 6 : 4) * op->multiply_adds();
  }
  backward_from(*this, wanted, s);
  training = s.take();
  find_owners();
}

template <class T>
void Program<T>::find_owners() {
  const std::vector<bool> trained = values_for(plan, plan.loss.prediction);
  std::vector<Op<T>*> owner(plan.parameters.size(), nullptr);
  for (const auto& op : ops) {
    if (!trained[id(op->spec.output)]) continue;
    const auto owns = [&](int parameter) {
      if (parameter < 0) return true;
      Op<T>*& first = owner[id(parameter)];
      if (!first) first = op.get();
      auto& partners = first->partners;
      if (first != op.get() && (partners.empty() || partners.back() != op.get())) partners.push_back(op.get());
      return first == op.get();
    };
    op->owns_weight = owns(op->spec.weight);
    op->owns_bias = owns(op->spec.bias);
    op->owns_statistics = owns(op->spec.running_mean);
    owns(op->spec.running_variance);
    owns(op->spec.recurrent);
    owns(op->spec.recurrent_bias);
    if (op->spec.weight >= 0 && placement[id(op->spec.weight)].transposed >= 0)
      owner[id(op->spec.weight)]->keeps_transposed |= op->wants_input || op->spec.transposed;
  }
}

template <class T>
void Program<T>::count_sparse_work() {
  constexpr double per_weight = 32;  // applying the optimizer, mostly memory traffic, in floating-point operations
  for (const auto& op : ops) {
    if (op->spec.kind == OpKind::embedding && op->trainable()) {
      const ParameterSpec& weight = plan.parameters[id(op->spec.weight)];
      step_flops += per_weight * static_cast<double>(weight.rows * weight.columns);
    }
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
void run_sweep(const Sweep<T>& sweep, const Pass<T>& pass, Rows rows) {
  const long most = sweep.at_once ? std::max(1L, sweep.panels) : rows.count() <= 2 ? 4 : kTilePanels;
  for (long p = 0; p == 0 || p < sweep.panels; p += most)
    for (const Step<T>& step : sweep.steps)
      (step.op->*step.method)(pass, rows.lines(step.op->in_positions),
                              {sweep.part + p, sweep.part + std::min(sweep.panels, p + most)});
}

template <class T>
void run_phase(const Phase<T>& phase, const Pass<T>& pass, Rows rows, bool from_end) {
  if (phase.totals) {
    if (phase.backward)
      phase.totals->backward_totals(pass, phase.part);
    else
      phase.totals->forward_totals(pass, phase.part);
  }
  const auto each_part = [from_end](Rows whole, long most, auto&& body) {
    if (from_end)
      for (long last = whole.last; last > whole.first;) {
        const Rows part{std::max(whole.first, (last - 1) / most * most), last};
        body(part);
        last = part.first;
      }
    else
      for (long first = whole.first; first < whole.last;) {
        const Rows part{first, std::min(whole.last, (first / most + 1) * most)};
        body(part);
        first = part.last;
      }
  };
  each_part(rows, pass.arena->group, [&](Rows group) {
    for (const Stretch<T>& stretch : phase.stretches)
      each_part(group, std::min(stretch.chunk, pass.arena->group), [&](Rows part) {
        for (const Sweep<T>& sweep : stretch.sweeps) run_sweep(sweep, pass, part);
      });
  });
}

template class Program<float>;
template class Program<double>;
template void run_phase<float>(const Phase<float>&, const Pass<float>&, Rows, bool);
template void run_phase<double>(const Phase<double>&, const Pass<double>&, Rows, bool);

}  // namespace descend
