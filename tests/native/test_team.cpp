#include <atomic>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif

#include "harness.hpp"
#include "runtime/invitation.hpp"
#include "runtime/seats.hpp"
#include "runtime/team.hpp"

using namespace descend;

TEST(members_answer_the_latest_call_only) {
  Invitation invitation;
  CHECK(!invitation.stands());
  invitation.change();
  const uint64_t first = invitation.number();
  CHECK(Invitation::calls(first));
  invitation.answer(first);
  invitation.answer(first);
  CHECK(invitation.come() == 2);
  invitation.change();
  CHECK(!invitation.stands() && invitation.come() == 0);
  invitation.answer(first);
  CHECK(invitation.come() == 0);
  invitation.change();
  invitation.answer(first);
  CHECK(invitation.stands() && invitation.come() == 0);
  invitation.answer(invitation.number());
  CHECK(invitation.come() == 1);
}

TEST(short_jobs_end_whether_members_come_or_not) {
  constexpr int rounds = 2000;
  std::atomic<int> led{0};
  std::atomic<bool> needed_came{true};
  const auto caller = [&] {
    for (int i = 0; i < rounds; i++) {
      std::atomic<int> came{0};
      const auto job = [&](int t) {
        if (t == 0)
          led++;
        else
          came++;
        // Now and then the leader waits for all, so that members are called in every state.
        while (t == 0 && i % 4 == 0 && came.load() < 2) std::this_thread::yield();
      };
      Team::run(3, job, i % 2 == 0);
      if (i % 4 == 0 && came != 2) needed_came = false;
    }
  };
  std::thread other(caller), third(caller);
  caller();
  other.join();
  third.join();
  CHECK(led == 3 * rounds);
  CHECK(needed_came);
}

#if defined(__linux__)
namespace {

// Whether some of many calls of `processor_is_wanted` on processor p give `answer`.
bool answers(int p, bool answer) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(p, &only);
  bool found = false;
  std::thread([&] {
    sched_setaffinity(0, sizeof only, &only);
    for (int i = 0; i < 1000 && !found; i++) found = processor_is_wanted() == answer;
  }).join();
  return found;
}

}  // namespace

TEST(a_thread_sees_that_its_processor_is_wanted) {
  const int p = processor();
  if (p < 0 || p >= CPU_SETSIZE) return;
  CHECK(answers(p, false));
  std::atomic<bool> over{false}, there{false};
  std::thread other([&] {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(p, &only);
    sched_setaffinity(0, sizeof only, &only);
    there = true;
    while (!over) {
    }
  });
  while (!there) std::this_thread::yield();
  CHECK(answers(p, true));
  over = true;
  other.join();
}

TEST(a_thread_leaves_a_processor_for_one_that_is_not_taken) {
  std::thread([] {
    const int here = processor(), there = leave_processor([here](int p) { return p == here; });
    CHECK(there < 0 || there != here);
    CHECK(leave_processor([](int) { return true; }) == -1);
  }).join();
}
#endif
