// A team of threads that runs one job at a time, and the barrier its members meet at.
//
// Waiting means spinning briefly, then offering the core to others, then sleeping in the kernel, so that a member whose
// core was taken away gets one. Teams are kept for reuse; a forked child starts with none.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace descend {

// Processors this process may use.
int available_processors();

// Whether another thread wants the processor of this one: offers it, which takes much longer when somebody accepts.
bool processor_is_wanted();

int64_t now_ns();

class Barrier {
 public:
  // Returns when `n` threads have called. Adds the time beyond spinning to `stalled` (nanoseconds).
  void wait(int n, int64_t& stalled);

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> round_{0};
};

// Blocks until `value` differs from `old`, spinning first. Returns the nanoseconds beyond that.
int64_t wait_while_equal(std::atomic<uint32_t>& value, uint32_t old);

class Team {
 public:
  // job(t) for t < n, job(0) on the calling thread; returns when all are done. An exception of job(0) is passed on
  // after the others are done; the others must not throw. A job that can do without them is only begun by members whose
  // processor nobody else wants.
  static void run(int n, const std::function<void(int)>& job, bool needs_all = true);
};

}  // namespace descend
