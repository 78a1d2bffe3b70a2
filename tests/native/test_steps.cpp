// Layers that look at several positions: threads meet at every step of a cell that normalizes, and share the work of
// leaving out weights. Bits must not depend on threads, and sanitizers watch.
#include "harness.hpp"
#include "networks.hpp"

using namespace networks;

namespace {

constexpr long kSteps = 6, kFeatures = 5;

class Steps {
 public:
  Steps() : plan_{} {
    plan_.widths = {kFeatures};
    plan_.positions = {kSteps};
  }

  Steps& convolution(long filters, double drop) {
    OpSpec s = op(OpKind::convolution, filters, kSteps);
    const long taps = 3;
    s.window = {1, kSteps, 1, kSteps, 1, taps, 1, 1, 1, 1, 0, 1};
    s.weight = parameter(taps * in(s), filters);
    plan_.parameters.back().taps = taps;
    s.bias = parameter(1, filters);
    s.drop_rate = drop;
    s.drop_stream = streams_++;
    return add(s);
  }
  Steps& again() {
    OpSpec s = plan_.ops.back();
    s.input = s.output;
    s.output++;
    plan_.widths.push_back(plan_.widths.back());
    plan_.positions.push_back(plan_.positions.back());
    plan_.ops.push_back(s);
    return *this;
  }
  Steps& batch_norm() {
    OpSpec s = op(OpKind::batch_norm, plan_.widths.back(), plan_.positions.back());
    s.weight = parameter(1, in(s));
    s.bias = parameter(1, in(s));
    s.running_mean = parameter(1, in(s), false);
    s.running_variance = parameter(1, in(s), false);
    s.momentum = 0.9;
    s.epsilon = 1e-3;
    return add(s);
  }
  Steps& recurrent(Cell cell, long units, bool sequences, bool norm, double drop = 0) {
    OpSpec s = op(OpKind::recurrent, units, sequences ? kSteps : 1);
    const long columns = gates_of(cell) * units;
    s.cell = cell;
    s.function = Function::tanh;
    s.sequences = sequences;
    s.recurrent_rate = 0.1;
    s.recurrent_stream = streams_++;
    s.drop_rate = drop;
    s.drop_stream = streams_++;
    s.weight = gated(in(s), columns, cell);
    s.recurrent = gated(units, columns, cell);
    s.bias = gated(1, columns, cell);
    for (int k = 0; norm && k < 2; k++) {
      s.norms.push_back(gated(1, columns, cell));
      for (int i = 0; i < 2; i++) s.norms.push_back(gated(kSteps, columns, cell, false));
    }
    if (norm) s.norms.push_back(parameter(1, 1, false));
    if (norm && cell == Cell::lstm) {
      for (int i = 0; i < 2; i++) s.norms.push_back(parameter(1, units));
      for (int i = 0; i < 2; i++) s.norms.push_back(parameter(kSteps, units, false));
    }
    s.momentum = 0.9;
    s.epsilon = 1e-2;
    return add(s);
  }
  Steps& pool() {
    OpSpec s = op(OpKind::pool, plan_.widths.back(), 1);
    s.window = {1, kSteps, 1, 1, 1, kSteps, 1, 1, 1, 1, 0, 0};
    s.average = true;
    return add(s);
  }
  PlanSpec loss() {
    plan_.input = 0;
    plan_.output = static_cast<int>(plan_.widths.size()) - 1;
    plan_.has_loss = true;
    plan_.loss = {LossKind::mse, Link::identity, plan_.output, 0, 0, false};
    return plan_;
  }

 private:
  long in(const OpSpec& s) const { return plan_.width(s.input); }
  OpSpec op(OpKind kind, long width, long positions) {
    OpSpec s{};
    s.kind = kind;
    s.input = static_cast<int>(plan_.widths.size()) - 1;
    s.output = s.input + 1;
    width_ = width;
    positions_ = positions;
    return s;
  }
  Steps& add(const OpSpec& s) {
    plan_.widths.push_back(width_);
    plan_.positions.push_back(positions_);
    plan_.ops.push_back(s);
    return *this;
  }
  int parameter(long rows, long columns, bool trainable = true) {
    plan_.parameters.push_back({size_, rows, columns, trainable, false, 0, 0});
    size_ += rows * columns;
    return static_cast<int>(plan_.parameters.size()) - 1;
  }
  int gated(long rows, long columns, Cell cell, bool trainable = true) {
    const int id = parameter(rows, columns, trainable);
    plan_.parameters.back().gates = gates_of(cell);
    return id;
  }

  PlanSpec plan_;
  long size_ = 0, width_ = 0, positions_ = 1;
  uint64_t streams_ = 0;
};

template <class T>
void check_threads(const PlanSpec& plan) {
  const long rows = 77;
  const Problem<T> problem(plan, rows);
  std::vector<int32_t> lengths;
  Random random(5);
  for (long r = 0; r < rows; r++) lengths.push_back(1 + static_cast<int32_t>((random() + 1) / 2 * kSteps));
  for (const bool whole : {true, false}) {
    uint64_t expected = 0;
    for (const int threads : {1, 2, 3, 5}) {
      Model<T> model(plan);
      model.set_parameters(problem.parameters.data());
      model.start(adam(), 3, 0, nullptr);
      const double rate = 0.01;
      TrainJob<T> job = problem.job(32, threads, &rate);
      if (!whole) job.data.lengths = lengths.data();
      for (int epoch = 0; epoch < 2; epoch++) CHECK(model.train(job).status == Status::done);
      std::vector<T> after(problem.parameters.size());
      model.get_parameters(after.data());
      if (threads == 1) expected = hash(after);
      CHECK(hash(after) == expected);
    }
  }
}

}  // namespace

TEST(threads_meet_at_every_step_of_cells_that_normalize) {
  for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru}) {
    check_threads<float>(
        Steps().recurrent(cell, 19, true, true).batch_norm().recurrent(cell, 5, false, true, 0.2).loss());
    check_threads<double>(Steps().recurrent(cell, 7, true, true).pool().loss());
  }
}

TEST(left_out_and_shared_weights_do_not_depend_on_threads) {
  check_threads<float>(
      Steps().recurrent(Cell::gru, 19, true, false, 0.3).recurrent(Cell::lstm, 5, false, false).loss());
  const PlanSpec shared =
      Steps().convolution(kFeatures, 0).again().again().recurrent(Cell::lstm, kFeatures, true, false).again().loss();
  const PlanSpec dropped = Steps().convolution(21, 0.3).convolution(5, 0.4).loss();
  for (const PlanSpec& plan : {shared, dropped}) {
    const Problem<float> problem(plan, 77);
    for (const int threads : {2, 3}) CHECK(train(problem, adam(), 32, threads) == train(problem, adam(), 32, 1));
  }
}
