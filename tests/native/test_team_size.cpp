#include <algorithm>

#include "harness.hpp"
#include "runtime/team_size.hpp"

using namespace descend;

namespace {

// A machine on which a step takes `together` or `alone` nanoseconds, and now and then all stand still, or the team
// does.
struct Machine {
  int64_t together, alone, pause = 0, between_pauses = 1;
  bool leader_pauses = true;
};

struct Course {
  double together;  // share of the time
  double lost;      // share of the time that the better size would have saved
};

// Steps in runs of `run` steps for `length` of the machine's time; a member comes `arrival` after it is called.
Course simulate(TeamSize& size, Machine machine, int64_t& now, long run = 50, int64_t arrival = 0,
                int64_t length = 1'000'000'000) {
  const int64_t start = now;
  int64_t together = 0, called = now, paused = now;
  long step = 0;
  for (; now - start < length; step++) {
    if (step % run == 0) size.begin(2, machine.alone > 1'000'000, now);
    const int before = size.size(), members = size.leader_first() || now - called < arrival ? 1 : before;
    int64_t spent = members == 1 ? machine.alone : machine.together;
    if (machine.pause && now - paused > machine.between_pauses && (members == 2 || machine.leader_pauses))
      spent += machine.pause, paused = now;
    now += spent;
    if (members == 2) together += spent;
    size.step(now, members);
    if (size.size() != 2 || before != 2) called = now;
  }
  const auto time = static_cast<double>(now - start);
  const int64_t best = std::min(machine.together, machine.alone);
  return {static_cast<double>(together) / time, 1 - static_cast<double>(step * best) / time};
}

constexpr Machine kFree{50'000, 90'000}, kShared{106'000, 90'000}, kFar{225'000, 174'000};
constexpr Machine kEven{90'000, 90'000}, kMedium{1'300'000, 2'400'000}, kLarge{6'000'000, 12'000'000};

}  // namespace

TEST(the_better_size_is_taken) {
  for (const Machine machine : {kFree, kShared, kFar, kEven, kMedium, kLarge}) {
    TeamSize size;
    int64_t now = 0;
    CHECK(simulate(size, machine, now).lost < 0.02);
    const Course later = simulate(size, machine, now);
    CHECK(later.lost < 0.02);
    CHECK(later.together < 0.1 || later.together > 0.97);
  }
}

TEST(first_milliseconds_are_as_fast_as_later_ones) {
  for (const Machine machine : {kFree, kLarge}) {
    TeamSize size;
    int64_t now = 0;
    CHECK(simulate(size, machine, now, 50, 0, 200 * machine.alone).lost < 0.02);
  }
}

TEST(even_sizes_leave_the_cores_to_others) {
  TeamSize size;
  int64_t now = 0;
  CHECK(simulate(size, kEven, now).together < 0.1);
}

TEST(short_steps_need_no_team) {
  TeamSize size;
  int64_t now = 0;
  for (const Machine machine : {Machine{15'000, 16'000}, Machine{30'000, 20'000}}) {
    CHECK(simulate(size, machine, now).together < 0.001);
    CHECK(size.stays_alone(1'000'000));
  }
  CHECK(simulate(size, {20'000, 30'000}, now).together > 0.97);
}

TEST(runs_of_one_step_use_the_team) {
  TeamSize size;
  int64_t now = 0;
  CHECK(simulate(size, kFree, now, 1, 0, 20'000'000).together > 0.9);
}

TEST(no_team_is_needed_until_its_next_try) {
  TeamSize size;
  int64_t now = 0;
  bool alone = false;
  for (int i = 0; i < 100; i++) {
    simulate(size, kShared, now, 50, 0, 1'000'000);
    alone = alone || size.stays_alone(10);
    CHECK(!size.stays_alone(100'000));
  }
  CHECK(alone);
}

TEST(members_may_take_their_time) {
  TeamSize size;
  int64_t now = 0;
  simulate(size, kShared, now);
  simulate(size, kFree, now, 50, 20'000'000);
  CHECK(simulate(size, kFree, now, 50, 20'000'000).together > 0.5);
  TeamSize never;
  CHECK(simulate(never, kFree, now, 50, 2'000'000'000).together == 0);
}

TEST(team_follows_the_machine) {
  TeamSize size;
  int64_t now = 0;
  simulate(size, kFree, now);
  CHECK(simulate(size, kShared, now).lost < 0.02);
  CHECK(simulate(size, kFree, now).lost < 0.05);
  CHECK(simulate(size, kFree, now).together > 0.97);
}

TEST(a_team_that_stood_still_for_a_moment_stays_whole) {
  TeamSize size;
  int64_t now = 0;
  simulate(size, kFree, now);
  for (const int64_t pause : {500'000, 3'000'000})
    CHECK(simulate(size, {50'000, 90'000, pause, 41'000'000}, now).together > 0.95);
}

TEST(a_core_that_another_process_holds_costs_little) {
  TeamSize size;
  int64_t now = 0;
  const Machine held{80'000, 90'000, 3'000'000, 3'000'000, false};
  simulate(size, held, now);
  const int64_t start = now;
  const Course course = simulate(size, held, now);
  const double steps = (1 - course.lost) * static_cast<double>(now - start) / static_cast<double>(held.together);
  CHECK(steps * static_cast<double>(held.alone) > 0.97 * static_cast<double>(now - start));
}

TEST(a_single_thread_is_a_team_of_one) {
  TeamSize size;
  size.begin(1, false, 0);
  for (int64_t now = 0; now < 100'000'000; now += 1'000'000) size.step(now, 1);
  CHECK(size.size() == 1);
}
