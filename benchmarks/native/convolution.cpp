// The three products of a convolution by themselves: forward, gradient of the input and gradient of the weights of one
// layer over a batch, on one thread. Prints the median GFLOP/s of each for every shape given as
// HEIGHT WIDTH CHANNELS FILTERS.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ops/update.hpp"
#include "runtime/denormals.hpp"
#include "runtime/model.hpp"

namespace {

using namespace descend;

constexpr long kRows = 64, kRounds = 15;

PlanSpec plan(long height, long width, long channels, long filters) {
  PlanSpec p;
  p.widths = {channels, channels, filters, 1};
  p.positions = {height * width, height * width, height * width, height * width};
  p.parameters.push_back({0, 1, channels, true, false, 0, 0});
  p.parameters.push_back({channels, 9 * channels, filters, true, true, 0, 0});
  p.parameters.back().taps = 9;
  p.parameters.push_back({channels + 9 * channels * filters, filters, 1, true, true, 0, 0});
  // Something to train before the convolution, so that the gradient of its input is wanted.
  constexpr OpKind kinds[] = {OpKind::prelu, OpKind::convolution, OpKind::dense};
  for (int i = 0; i < 3; i++) {
    OpSpec s;
    s.kind = kinds[i];
    s.input = s.weight = i;
    s.output = i + 1;
    p.ops.push_back(s);
  }
  p.ops[1].window = {height, width, height, width, 3, 3, 1, 1, 1, 1, 1, 1};
  p.input = 0;
  p.output = 3;
  p.has_loss = true;
  p.loss = {LossKind::mse, Link::identity, 3, 0, 0, false};
  return p;
}

template <class Call>
double rate(double operations, Call&& call) {
  std::vector<double> seconds;
  for (long i = 0; i < kRounds; i++) {
    const auto start = std::chrono::steady_clock::now();
    call();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return operations / seconds[seconds.size() / 2] * 1e-9;
}

void measure(long height, long width, long channels, long filters) {
  const Program<float> program(plan(height, width, channels, filters));
  const ArenaMemory<float> memory(program, kRows, 1, true);
  TrainingBuffers<float> buffers(program, {});
  const Buffer<float> weights(program.size), gradient(program.size);
  const auto fill = [](float* p, long n) {
    for (long i = 0; i < n; i++) p[i] = static_cast<float>(i * 7919 % 1009) / 1009 - 0.5f;
  };
  fill(weights.get(), program.size);
  fill(buffers.transposed, program.transposed_size);
  fill(memory.arena.value[1], kRows * height * width * padded<float>(channels));
  fill(memory.arena.gradient[2], kRows * height * width * padded<float>(filters));
  const Data<float> data{};
  const Pass<float> pass{&memory.arena, weights.get(), buffers.transposed, true, 0, 1, kRows, 0, 0, nullptr, 0,
                         &data,         kRows,         program.row_block};
  const Op<float>& op = *program.ops[1];
  Parameters<float> parameters;
  parameters.weights = weights.get();
  parameters.transposed = buffers.transposed;
  parameters.gradient = gradient.get();
  const OptimizerSpec optimizer{};
  const Rule<float> rule(optimizer, 0, 0, 0, 1);
  std::vector<Task> tasks;
  op.add_tasks(1, kRows, tasks);
  const Rows lines{0, kRows * height * width};
  const double operations = 2 * op.multiply_adds() * kRows;
  const double forward = rate(operations, [&] { op.forward(pass, lines, {0, 0}); });
  const double backward = rate(operations, [&] { op.backward(pass, lines, {0, 0}); });
  const double update = rate(operations, [&] {
    for (const Task& task : tasks) {
      Update<float> piece(program, parameters, optimizer, rule, Stage::collect, 1);
      op.update(pass, task, piece);
    }
  });
  std::printf("%ld %ld %ld %ld %.1f %.1f %.1f\n", height, width, channels, filters, forward, backward, update);
}

}  // namespace

int main(int count, char** values) {
  const FlushDenormals flush;
  for (int i = 1; i + 3 < count; i += 4)
    measure(std::atol(values[i]), std::atol(values[i + 1]), std::atol(values[i + 2]), std::atol(values[i + 3]));
}
