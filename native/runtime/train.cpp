// Training, and the gradients of all parameters, as runs.
#include <algorithm>
#include <cstring>

#include "runtime/run.hpp"

namespace descend {

template <class T>
const ArenaMemory<T>& Model<T>::training_arena(const TrainJob<T>& job, int threads) {
  const Program<T>& wanted = program_for(job.data);
  auto& kept = training_arena_;
  if (!kept || &kept->program != &wanted || kept->arena.capacity < job.batch || kept->threads < threads) {
    kept.reset();
    kept = std::make_unique<ArenaMemory<T>>(wanted, job.batch, threads, true);
  }
  const long width = program.plan.width(program.plan.input);
  if (wanted.sparse) kept->columns.prepare(job.data, width, job.order, job.count, job.batch);
  return *kept;
}

template <class T>
TrainResult Model<T>::train(const TrainJob<T>& job) {
  if (job.count == 0) return {};
  const std::lock_guard hold(training_lock_);
  TrainJob<T> whole = job;
  whole.batch = std::min(job.batch, job.count);
  if (whole.accumulate > 1 && accumulated_.size() == 0) accumulated_ = Buffer<T>(program.size);
  int threads = job.threads > 0
                    ? job.threads
                    : useful_threads(program_for(job.data).training_work(job.data, whole.batch), kWorkOfStep);
  if (job.adapt) threads = std::min(threads, available_processors());  // more never help
  const Parameters<T> p{weights_.get(),
                        training_.look_ahead,
                        training_.transposed,
                        {training_.slots[0], training_.slots[1], training_.slots[2], training_.slots[3]},
                        optimizer_.average > 0 ? training_.slots[optimizer_.own_slots()] : nullptr,
                        whole.accumulate > 1 ? accumulated_.get() : training_.gradient};
  if (p.look_ahead) {
    std::memcpy(p.look_ahead, p.weights, static_cast<std::size_t>(program.size) * sizeof(T));
    look_ahead(p, program.size, static_cast<T>(optimizer_.beta_1));
  }
  refresh_transposed(p.look_ahead ? p.look_ahead : p.weights);
  Run<T> run(*this, whole, p, optimizer_, seed_, step_, training_arena(whole, threads), team_size_, threads, false);
  const auto settle = [&] {  // what inference reads is no longer of the look-ahead point
    if (p.look_ahead && program.reads_transposed) refresh_transposed(p.weights);
  };
  TrainResult result;
  try {
    result = run.go(threads);
  } catch (...) {
    settle();
    throw;
  }
  settle();
  step_ += static_cast<uint64_t>(result.steps);
  return result;
}

template <class T>
double Model<T>::gradients(const Data<T>& data, uint64_t seed, uint64_t step, T* flat, int threads) {
  const std::lock_guard hold(training_lock_);
  const int n = threads > 0 ? threads : useful_threads(program_for(data).training_work(data, data.rows), kWorkToWake);
  if (!training_.transposed) allocate_training(optimizer_);
  const Buffer<T> gradient(program.size);
  if (!program.reads_transposed) refresh_transposed(weights_.get());
  TrainResult result;
  if (data.rows > 0) {
    const double rate = 0;
    TrainJob<T> job{};
    job.data = data;
    job.count = job.batch = data.rows;
    job.rates = &rate;
    TeamSize size(n);
    const Parameters<T> p{weights_.get(), nullptr, training_.transposed, {}, nullptr, gradient.get()};
    result = Run<T>(*this, job, p, OptimizerSpec{}, seed, step, training_arena(job, n), size, n, true).go(n);
  }
  unpack(gradient.get(), flat);
  if (result.status == Status::diverged) return NAN;
  const T* const weight = data.weight;
  const bool weightless = weight && std::all_of(weight, weight + data.rows, [](T w) { return w == T(0); });
  return weightless ? penalty(0) : result.loss;  // no row has a loss then
}

template TrainResult Model<float>::train(const TrainJob<float>&);
template TrainResult Model<double>::train(const TrainJob<double>&);
template double Model<float>::gradients(const Data<float>&, uint64_t, uint64_t, float*, int);
template double Model<double>::gradients(const Data<double>&, uint64_t, uint64_t, double*, int);

}  // namespace descend
