// What happens to a gradient the moment it is known: penalty, clipping, noise and the optimizer, on one contiguous
// piece of the parameters at a time, by the thread that owns the piece.
#pragma once

#include <vector>

#include "ops/postponed.hpp"
#include "runtime/program.hpp"

namespace descend {

inline constexpr int kMostSlots = 4;

// The buffers of a training run, all cut by the same placements.
template <class T>
struct Parameters {
  T* weights = nullptr;
  T* look_ahead = nullptr;  // Nesterov's point, else null
  T* transposed = nullptr;
  T* slots[kMostSlots] = {};
  T* average = nullptr;   // of the weights: one of the slots, or null
  T* gradient = nullptr;  // present when gradients are collected or added up before they are applied
};

// One step's constants of the optimizer.
template <class T>
struct Rule {
  OptimizerKind kind;
  T rate, beta_1, beta_2, epsilon, gain;  // gain: what multiplies the gradient in a moving average
  T step, correction, step_gradient;      // bias corrections folded in
  T decay;                                // factor on regularized weights
  bool look_ahead;                        // the heavy ball's
  double share;                           // factor on spread penalties
  T average;                              // decay of the weights' moving average
  T noise;                                // standard deviation of what is added to the gradient
  RandomKey noise_key;

  Rule(const OptimizerSpec& spec, double learning_rate, uint64_t seed, uint64_t step_number, double weight_sum);
};

// What one update does to a parameter, as sums of squares: its gradient as it comes to the optimizer (before clipping
// by norm and noise), its numbers before, and what the optimizer added to them.
struct Moved {
  double gradient = 0, weight = 0, change = 0;
};

// fused: compute and apply at once; collect: only store the gradient; apply: read it back; accumulate: add it to what
// is stored, for a later batch of the same update.
enum class Stage { fused, collect, apply, accumulate };

template <class T>
class Update {
 public:
  Update(const Program<T>& program, const Parameters<T>& parameters, const OptimizerSpec& optimizer,
         const Rule<T>& rule, Stage stage, T scale, bool adds = false, Postponed<T>* postponed = nullptr)
      : program_(program),
        parameters_(parameters),
        rule_(rule),
        clip_(static_cast<T>(optimizer.clip_value)),
        stage_(stage),
        scale_(scale),
        adds_(adds),
        postponed_(postponed) {}

  bool computes() const { return stage_ != Stage::apply; }

  // Where the gradient of the piece at `offset` is to be written (or, in Stage::apply, lies).
  T* gradient(long offset, T* scratch) const {
    const bool stored = stage_ == Stage::apply || (stage_ == Stage::collect && !adds_);
    return stored ? parameters_.gradient + offset : scratch;
  }

  // Asks for the memory that commit will touch, while the gradient is still being computed.
  void prefetch(long offset, long count) const {
    for (long o = offset; o < offset + count; o += kPanel<T>) {
      __builtin_prefetch(parameters_.weights + o, 1);
      for (const T* slot : parameters_.slots)
        if (slot) __builtin_prefetch(slot + o, 1);
    }
  }

  // The gradient `g` of `count` numbers of parameter `id` at `offset` is complete. `count` is a multiple of kPanel. New
  // weights `may_wait`, to be written later in the update, when the op does not read them at once.
  void commit(int id, long offset, T* g, long count, bool may_wait = false);

  // Ahead of each tile of a product: writes `lines` of what waits.
  void write_some(long lines) const {
    if (postponed_) postponed_->write(lines);
  }

  // After the commit of a block of a matrix: refresh its transpose. The block is `rows` <= P rows at `from`.
  void transpose(long offset, long rows, T* to) const;

  T* transposed() const { return parameters_.transposed; }
  bool applies() const { return stage_ == Stage::fused || stage_ == Stage::apply; }

  // Running statistics move once for every batch that was used: w = keep * w + x.
  bool moves_statistics() const { return stage_ != Stage::collect; }
  void average(long offset, T keep, Vec<T> x) {
    store(parameters_.weights + offset, fma<T>(load(parameters_.weights + offset), splat(keep), x));
    if (parameters_.look_ahead) store(parameters_.look_ahead + offset, load(parameters_.weights + offset));
  }

  double penalty = 0, squares = 0;  // of this task: penalty of the weights, sum of squares of the gradient
  Moved* moved = nullptr;           // (parameters,) of this task, to add to; null unless the step is measured

 private:
  void add_noise(int id, long offset, T* g, long count) const;
  void add_noise_to_groups(const ParameterSpec& p, long at, T* g, long count) const;
  // Where new weights go that belong at `offset`.
  T* destination(long offset, long count, bool may_wait) const;
  void apply(int id, long offset, T* g, long count, bool may_wait);
  void apply_measured(Moved& sums, int id, long offset, T* g, long count);

  const Program<T>& program_;
  const Parameters<T>& parameters_;
  const Rule<T>& rule_;
  T clip_;
  Stage stage_;
  T scale_;                  // of the collected gradient (clipping by norm)
  bool adds_;                // earlier batches of the same update left theirs in the stored gradient
  Postponed<T>* postponed_;  // of this thread, or null
};

// look = w - momentum * v over whole buffers, at the start of a run.
template <class T>
void look_ahead(const Parameters<T>& parameters, long size, T momentum);

}  // namespace descend
