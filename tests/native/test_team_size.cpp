#include "harness.hpp"
#include "runtime/team_size.hpp"

using namespace descend;

namespace {

// A machine on which a step takes `together` or `alone` nanoseconds, and now and then all stand still.
struct Machine {
  int64_t together, alone, pause = 0, between_pauses = 1;
};

struct Shares {
  double together;  // of the time
};

// Steps in runs of `run` steps for `length` of the machine's time; a member comes `arrival` after it is called.
Shares simulate(TeamSize& size, Machine machine, int64_t& now, long run = 50, int64_t arrival = 0,
                int64_t length = 1'000'000'000) {
  const int64_t start = now;
  int64_t together = 0, called = now, paused = now;
  for (long step = 0; now - start < length; step++) {
    if (step % run == 0) size.begin(2, machine.alone > 1'000'000, now);
    const int before = size.size(), members = size.leader_first() || now - called < arrival ? 1 : before;
    int64_t spent = members == 1 ? machine.alone : machine.together;
    if (machine.pause && now - paused > machine.between_pauses) spent += machine.pause, paused = now;
    now += spent;
    if (members == 2) together += spent;
    size.step(now, members);
    if (size.size() != 2 || before != 2) called = now;
  }
  return {static_cast<double>(together) / static_cast<double>(now - start)};
}

constexpr Machine kFree{50'000, 90'000}, kShared{106'000, 90'000}, kLarge{6'000'000, 12'000'000};

}  // namespace

TEST(team_stays_whole_while_that_is_faster) {
  for (const Machine machine : {kFree, kLarge}) {
    TeamSize size;
    int64_t now = 0;
    CHECK(simulate(size, machine, now).together > 0.97);
    CHECK(simulate(size, machine, now).together > 0.98);
  }
}

TEST(first_milliseconds_are_as_fast_as_later_ones) {
  for (const Machine machine : {kFree, kLarge}) {
    TeamSize size;
    int64_t now = 0;
    CHECK(simulate(size, machine, now, 50, 0, 20 * machine.alone).together > 0.85);
  }
  TeamSize size;
  int64_t now = 0;
  CHECK(simulate(size, kShared, now, 50, 0, 20'000'000).together < 0.2);
}

TEST(runs_of_one_step_use_the_team) {
  TeamSize size;
  int64_t now = 0;
  CHECK(simulate(size, kFree, now, 1, 0, 20'000'000).together > 0.9);
}

TEST(pause_between_runs_makes_the_team_worth_a_try) {
  TeamSize size;
  int64_t now = 0;
  simulate(size, kShared, now);
  CHECK(simulate(size, kFree, now, 50, 0, 20'000'000).together == 0);
  now += 1'000'000'000;
  CHECK(simulate(size, kFree, now, 50, 0, 20'000'000).together > 0.6);
}

TEST(leader_works_alone_while_that_is_faster) {
  TeamSize size;
  int64_t now = 0;
  CHECK(simulate(size, kShared, now).together < 0.1);
  CHECK(simulate(size, kShared, now).together < 0.02);
  CHECK(size.stays_alone(10));
  CHECK(!size.stays_alone(100'000));
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
  CHECK(simulate(size, kShared, now).together < 0.05);
  CHECK(simulate(size, kFree, now).together > 0.4);
  CHECK(simulate(size, kFree, now).together > 0.97);
}

TEST(a_team_that_stood_still_for_a_moment_stays_whole) {
  TeamSize size;
  int64_t now = 0;
  simulate(size, kFree, now);
  for (const int64_t pause : {500'000, 3'000'000})
    CHECK(simulate(size, {50'000, 90'000, pause, 41'000'000}, now).together > 0.95);
}

TEST(a_single_thread_is_a_team_of_one) {
  TeamSize size;
  size.begin(1, false, 0);
  for (int64_t now = 0; now < 100'000'000; now += 1'000'000) size.step(now, 1);
  CHECK(size.size() == 1);
}
