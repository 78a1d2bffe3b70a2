// Who does which task of the update. Every thread has a share of neighbouring tasks, the same in every step while the
// team stays as it is, so that the parameters stay in its cache. Of each op it has about as much as the others have:
// whose rows another thread has read for a task, it costs more to write them again. Costs are estimates and cores get
// disturbed: a thread that has done its share takes tasks from the end of another's. What a task computes does not
// depend on who does it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <vector>

#include "runtime/program.hpp"

namespace descend {

class TaskShares {
 public:
  explicit TaskShares(int threads) : left_(static_cast<std::size_t>(threads)) {}

  // The tasks of an op follow each other.
  void divide(const std::vector<Task>& tasks) {
    order_.resize(tasks.size());
    std::iota(order_.begin(), order_.end(), 0u);
    const std::vector<std::size_t> shares = shares_of(tasks);
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return shares[a] < shares[b]; });
    cost_.assign(1, 0.0);
    for (const uint32_t i : order_) cost_.push_back(cost_.back() + tasks[i].cost);
  }

  // By thread t of n, when nobody takes tasks: gives it its share for the next round.
  void refill(int t, int n) {
    left_[static_cast<std::size_t>(t)].tasks.store(pack(first_of(t, n), first_of(t + 1, n)), std::memory_order_release);
  }

  // Calls each(task) until no task is left that thread t of n may take.
  template <class Each>
  void for_each(int t, int n, Each&& each) {
    if (n == 1) {  // op by op, sharing with nobody
      for (std::size_t i = 0; i < order_.size(); i++) each(i);
      return;
    }
    for (uint32_t first, last; take_own(t, first, last);)
      for (; first < last; first++) each(static_cast<std::size_t>(order_[first]));
    for (int other = 1; other < n; other++)
      for (uint32_t i; take_from((t + other) % n, i);) each(static_cast<std::size_t>(order_[i]));
  }

 private:
  // Tasks whose owner will soon come to them stay with it, since its cache holds their parameters.
  static constexpr uint32_t kOwners = 6;
  // How many an owner takes at once: what says so waits until all that the task before wrote is seen by others, which
  // else happens while the next one computes.
  static constexpr uint32_t kAtOnce = 4;

  struct alignas(64) Left {
    std::atomic<uint64_t> tasks{0};  // first and past the last
  };

  static uint64_t pack(uint32_t first, uint32_t last) { return uint64_t{last} << 32 | first; }

  // For which thread each task would be if its op were alone.
  std::vector<std::size_t> shares_of(const std::vector<Task>& tasks) const {
    std::vector<std::size_t> shares;
    for (std::size_t first = 0; first < tasks.size();) {
      std::size_t last = first;
      double all = 0, before = 0;
      while (last < tasks.size() && tasks[last].op == tasks[first].op) all += tasks[last++].cost;
      for (; first < last; before += tasks[first++].cost) {
        const double middle = all > 0 ? (before + tasks[first].cost / 2) / all : 0;
        shares.push_back(static_cast<std::size_t>(middle * static_cast<double>(left_.size())));
      }
    }
    return shares;
  }

  // The first task, in `order_`, of thread t of n: a task belongs to the thread in whose part of the cost its middle
  // lies.
  uint32_t first_of(int t, int n) const {
    const std::size_t count = cost_.size() - 1;
    std::size_t low = 0, high = count;
    while (low < high) {
      const std::size_t i = (low + high) / 2;
      const double middle = (cost_[i] + cost_[i + 1]) / 2 / cost_.back();
      if (static_cast<int>(middle * n) < t)
        low = i + 1;
      else
        high = i;
    }
    return static_cast<uint32_t>(low);
  }

  bool take_own(int t, uint32_t& first, uint32_t& last) {
    std::atomic<uint64_t>& tasks = left_[static_cast<std::size_t>(t)].tasks;
    uint64_t seen = tasks.load(std::memory_order_acquire);
    do {
      first = static_cast<uint32_t>(seen);
      const uint32_t left = static_cast<uint32_t>(seen >> 32) - first;
      if (left == 0) return false;
      last = first + (left <= kOwners ? left : std::min(left - kOwners, kAtOnce));
    } while (!tasks.compare_exchange_weak(seen, seen + (last - first), std::memory_order_acq_rel,
                                          std::memory_order_acquire));
    return true;
  }

  bool take_from(int t, uint32_t& task) {
    std::atomic<uint64_t>& tasks = left_[static_cast<std::size_t>(t)].tasks;
    uint64_t seen = tasks.load(std::memory_order_acquire);
    do {
      const auto first = static_cast<uint32_t>(seen), last = static_cast<uint32_t>(seen >> 32);
      if (last < first + kOwners + 1) return false;
      task = last - 1;
    } while (!tasks.compare_exchange_weak(seen, seen - (uint64_t{1} << 32), std::memory_order_acq_rel,
                                          std::memory_order_acquire));
    return true;
  }

  std::vector<uint32_t> order_;  // of the tasks: thread by thread, and for each op by op
  std::vector<double> cost_;     // of all tasks before, in that order
  std::vector<Left> left_;
};

}  // namespace descend
