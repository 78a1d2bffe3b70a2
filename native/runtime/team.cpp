#include "runtime/team.hpp"

#include "runtime/seats.hpp"

#include <pthread.h>
#include <signal.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace descend {

namespace {

// Waiting goes in three stages. About 40 microseconds of spinning: longer than any orderly wait inside a step. Then
// offering the core to whoever else wants it, which keeps it awake while nobody does (an idle core of a virtual machine
// takes long to come back). Then sleep.
constexpr int kSpins = 2000;
constexpr int64_t kYield = 2'000'000;  // nanoseconds

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Crew {
 public:
  // Runs job(t) on members 1 .. n - 1; member threads are made when first needed.
  void start(int n, const std::function<void(int)>& job, bool needs_all) {
    while (static_cast<int>(members_.size()) < n - 1) {
      auto member = std::make_unique<Member>();
      create(member.get(), static_cast<int>(members_.size()) + 1);
      members_.push_back(std::move(member));
    }
    used_ = n - 1;
    for (int i = 0; i < used_; i++) {
      Member& m = *members_[static_cast<std::size_t>(i)];
      m.job = &job;
      m.needed.store(needs_all, std::memory_order_relaxed);
      m.caller.store(processor(), std::memory_order_relaxed);
      m.state.store(kCalled, std::memory_order_release);
      m.state.notify_one();
    }
  }

  // A member that has not begun yet (the machine gives it no core) is not waited for: its call is taken back.
  void join() {
    for (int i = 0; i < used_; i++) {
      Member& m = *members_[static_cast<std::size_t>(i)];
      uint32_t called = kCalled;
      if (m.state.compare_exchange_strong(called, kIdle, std::memory_order_acquire)) continue;
      wait_while_equal(m.state, kWorking);
    }
  }

 private:
  static constexpr uint32_t kIdle = 0, kCalled = 1, kWorking = 2;

  struct Member {
    alignas(64) std::atomic<uint32_t> state{kIdle};
    const std::function<void(int)>* job = nullptr;
    // Read before the call is taken, when it may be taken back for another one.
    std::atomic<bool> needed{true};
    std::atomic<int> caller{-1};  // the processor of the calling thread
  };

  // Signals stay with the caller's threads: Ctrl-C must interrupt them, not a member.
  static void create(Member* m, int t) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread(serve, m, t).detach();
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  static void serve(Member* m, int t) {
    for (;;) {
      wait_while_equal(m->state, kIdle);
      if (!m->needed.load(std::memory_order_relaxed) && processor_is_wanted()) {
        const int caller = m->caller.load(std::memory_order_relaxed);
        if (processor() == caller) leave_processor([caller](int other) { return other == caller; });
        continue;
      }
      uint32_t called = kCalled;
      if (!m->state.compare_exchange_strong(called, kWorking, std::memory_order_acquire)) continue;
      (*m->job)(t);
      m->state.store(kIdle, std::memory_order_release);
      m->state.notify_one();
    }
  }

  std::vector<std::unique_ptr<Member>> members_;
  int used_ = 0;
};

// Idle crews. Never destroyed: member threads may outlive static destructors.
struct Idle {
  std::mutex lock;
  std::vector<std::unique_ptr<Crew>> crews;
};

Idle* g_idle = nullptr;

Idle& idle() {
  static const bool once = [] {
    g_idle = new Idle;
    // In a forked child the members do not exist: forget them (and a lock somebody else may have held).
    pthread_atfork(nullptr, nullptr, [] { g_idle = new Idle; });
    return true;
  }();
  (void)once;
  return *g_idle;
}

}  // namespace

int available_processors() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
#endif
  const unsigned n = std::thread::hardware_concurrency();
  return n == 0 ? 1 : static_cast<int>(n);
}

bool processor_is_wanted() {
  constexpr int64_t turn = 30'000;  // nanoseconds; the shortest that a scheduler gives are a hundred times longer
  for (int i = 0; i < 3; i++) {
    const int64_t start = now_ns();
    std::this_thread::yield();
    if (now_ns() - start > turn) return true;
  }
  return false;
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t wait_while_equal(std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kSpins; i++) {
    if (value.load(std::memory_order_acquire) != old) return 0;
    pause();
  }
  const int64_t start = now_ns();
  while (value.load(std::memory_order_acquire) == old) {
    if (now_ns() - start < kYield)
      std::this_thread::yield();
    else
      value.wait(old, std::memory_order_acquire);
  }
  return now_ns() - start;
}

void Barrier::wait(int n, int64_t& stalled) {
  if (n == 1) return;
  const uint32_t round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == n - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    round_.notify_all();
    return;
  }
  stalled += wait_while_equal(round_, round);
}

void Team::run(int n, const std::function<void(int)>& job, bool needs_all) {
  if (n <= 1) return job(0);
  Idle& pool = idle();
  std::unique_ptr<Crew> crew;
  {
    const std::lock_guard hold(pool.lock);
    if (!pool.crews.empty()) {
      crew = std::move(pool.crews.back());
      pool.crews.pop_back();
    }
  }
  if (!crew) crew = std::make_unique<Crew>();
  std::exception_ptr error;
  try {
    crew->start(n, job, needs_all);
    try {
      job(0);
    } catch (...) {
      error = std::current_exception();
    }
    crew->join();
  } catch (...) {  // no thread could be made: nothing was started
    error = std::current_exception();
  }
  {
    const std::lock_guard hold(pool.lock);
    pool.crews.push_back(std::move(crew));
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace descend
