// A plan with its parameters: prediction, loss, gradients and training. The unit the bindings expose.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "ops/update.hpp"
#include "runtime/columns.hpp"
#include "runtime/memory.hpp"
#include "runtime/program.hpp"
#include "runtime/team_size.hpp"

namespace descend {

enum class Status { done, stopped, interrupted, deadline, diverged };

// Called by the leading thread between steps, at most every few hundredths of a second, with (rows done, weighted
// loss, weight). Anything but Status::done ends the run.
using Watch = std::function<Status(long, double, double)>;

template <class T>
struct TrainJob {
  Data<T> data;
  const uint32_t* order;  // (count,) rows to visit
  long count, batch;
  long accumulate = 1;  // batches whose gradients make one update: a step, the last of which takes what remains
  const double* rates;  // one, or one per step
  bool rate_per_step;
  int threads;                  // 0: decided by the amount of work
  int64_t deadline_ns = 0;      // steady clock; 0: none
  bool adapt = true;            // whether the team shrinks while members do not get a core
  double* losses = nullptr;     // (steps,) to fill with each step's loss without penalties, or null
  double* penalties = nullptr;  // (steps,) zeros, to which each step's penalties are added, or null
  Moved* moved = nullptr;       // (parameters,) to fill with what the last step does, or null; only when it is reached
  Watch watch;
};

struct TrainResult {
  double loss = 0;
  long rows = 0, steps = 0;
  Status status = Status::done;
};

// One value of the plan over all rows and columns of a probe; shares are from 0 to 1.
struct ValueStatistics {
  double mean, deviation;
  double zeros;    // share of numbers that are 0
  double outside;  // share of numbers below or above the value's bounds
  double silent;   // share of columns that are above 0 in no row
};

// Memory for passes over up to `capacity` rows by `threads` threads.
template <class T>
class ArenaMemory {
 public:
  ArenaMemory(const Program<T>& program, long capacity, int threads, bool gradients);

  const Program<T>& program;
  Arena<T> arena;
  int threads;
  BatchColumns<T> columns;  // the arena's, when it trains on sparse rows

 private:
  Buffer<T> memory_;
};

// What training adds to the weights, in one piece of memory cut by the program's placements.
template <class T>
struct TrainingBuffers {
  Buffer<T> memory;
  T *transposed = nullptr, *look_ahead = nullptr, *gradient = nullptr, *slots[kMostSlots] = {};

  TrainingBuffers() = default;
  // Without the transposed weights of a program that reads them forward: those are the model's.
  TrainingBuffers(const Program<T>& program, const OptimizerSpec& optimizer);
};

template <class T>
class Model {
 public:
  explicit Model(const PlanSpec& plan);

  // Flat arrays follow the plan's parameter table.
  void set_parameters(const T* flat);
  void get_parameters(T* flat) const { unpack(weights_.get(), flat); }
  void start(const OptimizerSpec& optimizer, uint64_t seed, uint64_t step, const T* slots);
  const OptimizerSpec& optimizer() const { return optimizer_; }
  // The optimizer's slots, one flat array after the other; returns the number of steps done.
  uint64_t get_state(T* slots) const;
  long flat_size() const;

  // Whether data may hold sparse rows: every op that reads the input is dense.
  bool takes_sparse_rows() const { return sparse_program_ != nullptr; }
  // out: (rows, outputs).
  void predict(const Data<T>& data, T* out, int threads) const;
  double evaluate(const Data<T>& data, int threads) const;
  // flat: gradient in the plan's order; the whole data set is one batch.
  double gradients(const Data<T>& data, uint64_t seed, uint64_t step, T* flat, int threads);
  TrainResult train(const TrainJob<T>& job);
  // What the first `count` values of the plan look like on some rows, in inference mode: see probe.cpp.
  void probe(const Data<T>& data, const double* bounds, ValueStatistics* out, long count, int threads) const;

  const Program<T> program;

 private:
  void pack(const T* flat, T* panels) const;
  void unpack(const T* panels, T* flat) const;
  void refresh_transposed(const T* weights);
  void allocate_training(const OptimizerSpec& optimizer);
  double penalty(double weight_sum) const;
  void gather(const Pass<T>& pass, Rows rows) const;
  void gather_lines(const Pass<T>& pass, Rows rows) const;
  const Program<T>& program_for(const Data<T>& data) const;
  // The same with no ops fused, so that every value of the plan is there.
  const Program<T>& every_value(const Data<T>& data) const;
  // Runs `phases` in inference mode over all rows, in chunks; each(pass, first row) takes what came out.
  template <class Each>
  void infer(const std::vector<Phase<T>>& phases, const Data<T>& data, int threads, bool gradients, Each&& each) const;
  std::unique_ptr<ArenaMemory<T>> borrow(const Program<T>& wanted, long capacity, bool gradients) const;
  void give_back(std::unique_ptr<ArenaMemory<T>> memory) const;

  template <class U>
  friend class Run;

  const ArenaMemory<T>& training_arena(const TrainJob<T>& job, int threads);

  const PlanSpec plan_;
  std::unique_ptr<const Program<T>> sparse_program_;            // null where the plan cannot take sparse rows
  mutable std::unique_ptr<const Program<T>> whole_program_[2];  // see `every_value`; for dense and for sparse rows
  Buffer<T> weights_;
  Buffer<T> transposed_;  // where inference reads it, and then fresh except within a training run; else none
  TrainingBuffers<T> training_;
  Buffer<T> accumulated_;  // the gradient of an update's batches so far, in the program's placements
  OptimizerSpec optimizer_;
  uint64_t seed_ = 0, step_ = 0;
  std::unique_ptr<ArenaMemory<T>> training_arena_;
  TeamSize team_size_;
  mutable std::mutex training_lock_;  // one training run, gradient or change of state at a time
  mutable std::mutex idle_lock_;
  mutable std::vector<std::unique_ptr<ArenaMemory<T>>> idle_;
};

// Threads worth using for `flops` of work when each should get `least`: about 40 microseconds' worth where members must
// first be woken, and of a training step some microseconds', since they wait for each other's steps without sleeping
// and TeamSize finds out whether they help.
inline constexpr double kWorkToWake = 4e6, kWorkOfStep = 3e5;
// From so many flops on, about a millisecond's, a step is long. And what a leader waits for its members, in nanoseconds
// per flop of a step: about half of what the step takes it alone, which is what they spare it.
inline constexpr double kWorkOfLongStep = 1e8, kWaitPerWork = 5e-3;
int useful_threads(double flops, double least);

}  // namespace descend
