// One run over a list of rows: every thread of the team runs the same loop over steps and meets the others only where
// it must.
//
// Before the last meeting of a step the leader (thread 0, the caller) decides whether and with how many threads to go
// on.
#pragma once

#include <cmath>
#include <exception>

#include "ops/max_norm.hpp"
#include "runtime/denormals.hpp"
#include "runtime/invitation.hpp"
#include "runtime/model.hpp"
#include "runtime/seats.hpp"
#include "runtime/task_shares.hpp"
#include "runtime/team.hpp"

namespace descend {

inline constexpr int64_t kWatchInterval = 50'000'000;  // nanoseconds between calls of the watch
inline constexpr int64_t kLongestWait = 20'000'000;    // nanoseconds that a leader waits for members

template <class T>
class Run {
 public:
  // Random numbers are those of (seed, first_step + step of the run).
  Run(const Model<T>& model, const TrainJob<T>& job, const Parameters<T>& parameters, const OptimizerSpec& optimizer,
      uint64_t seed, uint64_t first_step, const ArenaMemory<T>& memory, TeamSize& size, int threads,
      bool gradients_only)
      : model_(model),
        program_(memory.program),
        job_(job),
        parameters_(parameters),
        optimizer_(optimizer),
        seed_(seed),
        first_step_(first_step),
        memory_(memory),
        only_(gradients_only),
        size_(size),
        seats_(threads),
        to_compute_(threads),
        to_apply_(threads),
        postponed_(threads > 1 ? static_cast<std::size_t>(threads) : 0) {
    const double work = program_.training_work(job.data, job.batch);
    size_.begin(threads, work > kWorkOfLongStep, now_ns());
    moment_ = std::min(kLongestWait, static_cast<int64_t>(work * kWaitPerWork));
    active_ = job.adapt ? 1 : threads;
    if (size_.size() > 1) invitation_.change();
    for (std::size_t i = 0; i < program_.ops.size(); i++)
      program_.ops[i]->add_tasks(static_cast<int>(i), job.batch, tasks_);
    if (memory_.arena.columns)
      for (Task& task : tasks_)
        task.cost += program_.ops[static_cast<std::size_t>(task.op)]->entries_cost(task, memory_.columns);
    to_compute_.divide(tasks_);
    to_apply_.divide(tasks_);
    if (!only_) limited_ = limited_panels(program_);
    penalties_.assign(tasks_.size(), 0);
    squares_.assign(tasks_.size(), 0);
    if (job.moved) moved_.resize(tasks_.size() * program_.plan.parameters.size());
    batches_ = (job.count + job.batch - 1) / job.batch;
    steps_ = (batches_ + job.accumulate - 1) / job.accumulate;
  }

  TrainResult go(int threads) {
    last_watch_ = now_ns();
    for (const auto& op : program_.ops) op->begin(pass_of(0, 1, 0));
    const bool alone = job_.adapt && size_.stays_alone(batches_);
    Team::run(alone ? 1 : threads, [this](int t) { member(t); }, !job_.adapt);
    add_penalties();
    if (job_.moved && result_.steps == steps_) add_moved();
    if (error_) std::rethrow_exception(error_);
    result_.loss = weight_ > 0 ? loss_ / weight_ : 0;
    return result_;
  }

 private:
  void member(int t) {
    const FlushDenormals flush;
    int64_t stalled = 0;
    if (t > 0 && !join(t)) return;
    if (t == 0 && job_.adapt && invitation_.stands()) {
      seats_.look(0, now_ns());
      await_members();
      call_team();
    }
    for (;;) {
      const int64_t before = stalled;
      if (!step(t, active_.load(std::memory_order_acquire), next_.load(std::memory_order_relaxed), stalled)) return;
      if (stalled != before) seats_.look(t, now_ns());
      if (t > 0 && active_.load(std::memory_order_acquire) <= t && !join(t)) return;
    }
  }

  // The leader gives members a moment to come, but never waits long for one that the machine gives no core: they take
  // part from the step after their arrival.
  void await_members() const {
    if (size_.leader_first()) return;
    for (const int64_t start = now_ns(); invitation_.come() < size_.size() - 1;)
      if (now_ns() - start > moment_) return;
  }

  // Member t waits until it takes part, awake while it is called; false when the run is over. It comes when it has a
  // processor that nobody else wants: it would lose it in the middle of a step, and all would wait.
  bool join(int t) {
    for (uint64_t answered = 0;;) {
      const uint32_t seen = changes_.load(std::memory_order_acquire);
      if (finished_.load(std::memory_order_acquire)) return false;
      if (active_.load(std::memory_order_acquire) > t) return true;
      const uint64_t call = invitation_.number();
      if (!Invitation::calls(call)) {
        changes_.wait(seen, std::memory_order_acquire);
      } else if (call == answered) {
        wait_while_equal(changes_, seen);
      } else if (processor_is_wanted()) {
        seats_.look(t, now_ns());
      } else {
        invitation_.answer(call);
        answered = call;
      }
    }
  }

  // Between two steps, by the leader: brings the team to the size that is wanted, once all who were invited are there.
  void call_team() {
    const int wanted = size_.size();
    const bool more = wanted > 1;
    if (invitation_.stands() != more) {
      invitation_.change();
      if (!more) active_.store(1, std::memory_order_release);
      wake();
      if (more) {
        seats_.look(0, now_ns());
        await_members();
      }
    }
    if (more && active_.load(std::memory_order_relaxed) == 1 && !size_.leader_first() &&
        invitation_.come() >= wanted - 1) {
      active_.store(wanted, std::memory_order_release);
      wake();
    }
  }

  // Batch b of the run as member t of n sees it.
  Pass<T> pass_of(int t, int n, long b) const {
    const long first = b * job_.batch, step = b / job_.accumulate;
    Pass<T> pass{&memory_.arena,
                 parameters_.look_ahead ? parameters_.look_ahead : parameters_.weights,
                 parameters_.transposed,
                 true,
                 t,
                 n,
                 std::min(job_.batch, job_.count - first),
                 seed_,
                 first_step_ + static_cast<uint64_t>(step),
                 job_.order ? job_.order + first : nullptr,
                 first,
                 &job_.data,
                 0,
                 program_.row_block,
                 static_cast<uint64_t>(b % job_.accumulate)};
    const long start = step * job_.accumulate * job_.batch;
    pass.weight_sum = weight_of(start, std::min(job_.count, start + job_.accumulate * job_.batch));
    return pass;
  }

  // The sum of the weights of the rows [first, last) of the run.
  double weight_of(long first, long last) const {
    if (!job_.data.weight) return static_cast<double>(last - first);
    double sum = 0;
    for (long i = first; i < last; i++)
      sum += static_cast<double>(job_.data.weight[job_.order ? static_cast<long>(job_.order[i]) : i]);
    return sum;
  }

  // Batch b, by member t of n; false when the run is over.
  bool step(int t, int n, long b, int64_t& stalled) {
    const Pass<T> pass = pass_of(t, n, b);
    const long s = b / job_.accumulate;
    const bool updates = b + 1 == batches_ || (b + 1) % job_.accumulate == 0;
    if (t == 0) add_penalties();
    to_compute_.refill(t, n);
    to_apply_.refill(t, n);
    const Rows rows = rows_of(pass.rows, pass.row_block, t, n);
    model_.gather(pass, rows);
    if (!program_.preparing.empty() && pass.part == 0) {
      for (const Op<T>* op : program_.preparing) op->prepare(pass);
      barrier_.wait(n, stalled);
    }
    // Of rows with many positions, which no cache holds together, a phase begins with those that the one before ended
    // with. So does the update, which goes from the first to the last.
    const std::size_t phases = program_.training.size();
    for (std::size_t k = 0; k < phases; k++) {
      if (k > 0) barrier_.wait(n, stalled);
      run_phase(program_.training[k], pass, rows, program_.row_block < kRowBlock && (phases - k) % 2 != 0);
    }
    barrier_.wait(n, stalled);
    const double loss = batch_loss(pass);
    if (!std::isfinite(loss)) {
      if (t == 0) finish(Status::diverged);
      return false;
    }
    if (t == 0) {
      loss_ += loss * pass.weight_sum;
      if (pass.part == 0) weight_ += pass.weight_sum;
      step_weight_ = pass.weight_sum;
      if (job_.losses) job_.losses[s] = pass.part ? job_.losses[s] + loss : loss;
    }
    update(pass, s, updates, stalled);
    if (updates) limit(pass, stalled);
    if (t == 0) decide(b, pass.rows, updates);
    barrier_.wait(n, stalled);
    return !finished_.load(std::memory_order_acquire);
  }

  double batch_loss(const Pass<T>& pass) const {
    const auto* sums =
        reinterpret_cast<const double*>(memory_.arena.scratch[static_cast<std::size_t>(program_.loss->index)]);
    double sum = 0;
    for (long b = 0; b < pass.row_blocks(); b++) sum += sums[b];
    const double mean = pass.weight_sum != 0 ? sum / pass.weight_sum : 0;
    return program_.plan.loss.scale * (program_.plan.loss.kind == LossKind::rmse ? std::sqrt(mean) : mean);
  }

  void update(const Pass<T>& pass, long s, bool updates, int64_t& stalled) {
    const Rule<T> rule(optimizer_, job_.rates[job_.rate_per_step ? s : 0], seed_, pass.step, pass.weight_sum);
    if (!updates) return tasks(pass, rule, Stage::accumulate, T(1));
    if (only_ || !std::isfinite(optimizer_.clip_norm))
      return tasks(pass, rule, only_ ? Stage::collect : Stage::fused, T(1));
    tasks(pass, rule, Stage::collect, T(1));
    barrier_.wait(pass.threads, stalled);
    double squares = 0;
    for (const double q : squares_) squares += q;
    const double norm = std::sqrt(squares), limit = optimizer_.clip_norm;
    tasks(pass, rule, Stage::apply, norm > limit ? static_cast<T>(limit / norm) : T(1));
  }

  // A column spans tasks of several threads, so all of them must have applied theirs.
  void limit(const Pass<T>& pass, int64_t& stalled) {
    if (limited_.empty()) return;
    barrier_.wait(pass.threads, stalled);
    const auto count = static_cast<long>(limited_.size());
    for (long i = count * pass.thread / pass.threads; i < count * (pass.thread + 1) / pass.threads; i++)
      limit_columns(program_, parameters_, static_cast<T>(optimizer_.beta_1),
                    static_cast<T>(1) - static_cast<T>(optimizer_.average), limited_[static_cast<std::size_t>(i)]);
  }

  // The thread's own share of the tasks, then what others have not come to yet.
  void tasks(const Pass<T>& pass, const Rule<T>& rule, Stage stage, T scale) {
    const bool measured = job_.moved && pass.step == first_step_ + static_cast<uint64_t>(steps_ - 1);
    TaskShares& shares = stage == Stage::apply ? to_apply_ : to_compute_;
    // Only where products come between the writes.
    Postponed<T>* const postponed =
        stage == Stage::fused && pass.threads > 1 ? &postponed_[static_cast<std::size_t>(pass.thread)] : nullptr;
    shares.for_each(pass.thread, pass.threads, [&](std::size_t i) {
      Update<T> piece(program_, parameters_, optimizer_, rule, stage, scale, pass.part > 0, postponed);
      if (measured) piece.moved = moved_.data() + i * program_.plan.parameters.size();
      program_.ops[static_cast<std::size_t>(tasks_[i].op)]->update(pass, tasks_[i], piece);
      if (!piece.computes()) return;
      penalties_[i] = piece.penalty;
      squares_[i] = piece.squares;
    });
    if (postponed) postponed->write_all();
  }

  // The penalties of the step before: complete once all have met after it.
  void add_penalties() {
    double sum = 0;
    for (double& p : penalties_) sum += p, p = 0;
    loss_ += sum * step_weight_;
    if (job_.penalties && result_.steps > 0) job_.penalties[result_.steps - 1] += sum;
  }

  // What the last step did, parameter by parameter: tasks in their order, whoever did them.
  void add_moved() {
    const std::size_t count = program_.plan.parameters.size();
    for (std::size_t p = 0; p < count; p++) {
      Moved sum;
      for (std::size_t i = p; i < moved_.size(); i += count) {
        sum.gradient += moved_[i].gradient;
        sum.weight += moved_[i].weight;
        sum.change += moved_[i].change;
      }
      job_.moved[p] = sum;
    }
  }

  // After batch b; a run ends after updates only.
  void decide(long b, long rows, bool updated) {
    result_.rows += rows;
    if (!updated) return next_.store(b + 1, std::memory_order_relaxed);
    result_.steps++;
    const int64_t now = now_ns();
    Status status = b + 1 == batches_ ? Status::done : Status::stopped;
    bool over = b + 1 == batches_;
    if (!over && job_.deadline_ns && now >= job_.deadline_ns) over = true, status = Status::deadline;
    if (job_.watch && (over || now - last_watch_ > kWatchInterval)) {
      last_watch_ = now;
      try {
        const Status answer = job_.watch(result_.rows, loss_, weight_);
        // Ctrl-C must not be lost in the last step.
        if (answer == Status::interrupted || (answer != Status::done && !over)) over = true, status = answer;
      } catch (...) {
        error_ = std::current_exception();
        over = true;
      }
    }
    // A last batch of fewer rows says little; that of a run of one step counts.
    if (job_.adapt && rows == job_.batch) size_.step(now, active_.load(std::memory_order_relaxed));
    if (over) return finish(status);
    next_.store(b + 1, std::memory_order_relaxed);
    if (job_.adapt) call_team();
  }

  void finish(Status status) {
    result_.status = status;
    finished_.store(true, std::memory_order_release);
    wake();
  }

  void wake() {
    changes_.fetch_add(1, std::memory_order_release);
    changes_.notify_all();
  }

  const Model<T>& model_;
  const Program<T>& program_;
  const TrainJob<T>& job_;
  const Parameters<T> parameters_;
  const OptimizerSpec optimizer_;
  const uint64_t seed_, first_step_;
  const ArenaMemory<T>& memory_;
  const bool only_;  // gradients, no update
  std::vector<Task> tasks_;
  std::vector<LimitedPanel> limited_;  // none in most networks
  std::vector<double> penalties_, squares_;
  std::vector<Moved> moved_;  // (tasks, parameters), none unless the last step is measured
  long batches_, steps_;
  Barrier barrier_;

  TeamSize& size_;
  int64_t moment_ = 0;  // nanoseconds that the leader waits for members
  Seats seats_;
  TaskShares to_compute_, to_apply_;
  std::vector<Postponed<T>> postponed_;  // of each thread, where several write
  std::atomic<int> active_;
  std::atomic<long> next_{0};
  std::atomic<bool> finished_{false};
  std::atomic<uint32_t> changes_{0};
  Invitation invitation_;

  // The leader's.
  TrainResult result_;
  double loss_ = 0, weight_ = 0, step_weight_ = 0;
  int64_t last_watch_ = 0;
  std::exception_ptr error_;
};

}  // namespace descend
