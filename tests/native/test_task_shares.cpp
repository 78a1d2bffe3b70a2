#include <atomic>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "runtime/task_shares.hpp"

using namespace descend;

namespace {

std::vector<Task> tasks_of(long count) {
  std::vector<Task> tasks;
  for (long i = 0; i < count; i++) tasks.push_back({0, {0, 1}, {0, 1}, 1.0 + static_cast<double>(i * 7 % 13)});
  return tasks;
}

// How often each task is done in `rounds` rounds by n threads of which the first is slow.
std::vector<int> counts(long count, int n, int rounds, std::vector<long>& by_thread) {
  TaskShares shares(n);
  shares.divide(tasks_of(count));
  std::vector<std::atomic<int>> done(static_cast<std::size_t>(count));
  by_thread.assign(static_cast<std::size_t>(n), 0);
  for (int round = 0; round < rounds; round++) {
    for (int t = 0; t < n; t++) shares.refill(t, n);
    std::vector<std::thread> threads;
    for (int t = 0; t < n; t++)
      threads.emplace_back([&, t] {
        shares.for_each(t, n, [&](std::size_t i) {
          done[i]++;
          by_thread[static_cast<std::size_t>(t)]++;
          if (t == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
      });
    for (auto& thread : threads) thread.join();
  }
  return {done.begin(), done.end()};
}

}  // namespace

TEST(every_task_is_done_once_whoever_does_it) {
  std::vector<long> by_thread;
  for (const long count : {0L, 1L, 2L, 7L, 64L})
    for (int n = 1; n <= 4; n++)
      for (const int times : counts(count, n, 3, by_thread)) CHECK(times == 3);
}

TEST(every_thread_has_a_part_of_each_op) {
  std::vector<Task> tasks;
  for (int op = 0; op < 3; op++)
    for (int i = 0; i < 8; i++) tasks.push_back({op, {0, 1}, {0, 1}, op + 1.0});
  for (int t = 0; t < 2; t++) {
    TaskShares shares(2);
    shares.divide(tasks);
    for (int other = 0; other < 2; other++) shares.refill(other, 2);
    std::vector<std::size_t> done;
    shares.for_each(t, 2, [&](std::size_t i) { done.push_back(i); });
    done.resize(12);  // its own come first
    std::vector<std::size_t> expected;
    for (std::size_t op = 0; op < 3; op++)
      for (std::size_t i = 0; i < 4; i++) expected.push_back(8 * op + 4 * static_cast<std::size_t>(t) + i);
    CHECK(done == expected);
  }
}

TEST(a_thread_that_has_done_its_share_helps_a_slow_one) {
  std::vector<long> by_thread;
  counts(200, 2, 1, by_thread);
  CHECK(by_thread[0] + by_thread[1] == 200);
  CHECK(by_thread[0] < 50);  // of about 100 that are its own
}
