#include "harness.hpp"
#include "runtime/team_size.hpp"

using namespace descend;

namespace {

// A machine on which a step takes `together` or `alone` nanoseconds.
struct Machine {
  int64_t together, alone;
};

struct Shares {
  double together;      // of the time
  int64_t settled = 0;  // when the size last changed
};

// Steps in runs of `run` steps for a second of the machine's time.
Shares simulate(TeamSize& size, Machine machine, int64_t& now, long run = 50) {
  const int64_t start = now;
  int64_t together = 0;
  Shares shares{};
  for (long step = 0; now - start < 1'000'000'000; step++) {
    if (step % run == 0) size.begin(2, now);
    const int before = size.size();
    const int64_t spent = before == 1 ? machine.alone : machine.together;
    now += spent;
    if (before == 2) together += spent;
    size.step(now);
    if (size.size() != before) shares.settled = now - start;
  }
  shares.together = static_cast<double>(together) / static_cast<double>(now - start);
  return shares;
}

constexpr Machine kFree{50'000, 90'000}, kShared{106'000, 90'000}, kLarge{6'000'000, 12'000'000};

}  // namespace

TEST(team_stays_whole_while_that_is_faster) {
  for (const Machine machine : {kFree, kLarge}) {
    TeamSize size;
    int64_t now = 0;
    CHECK(simulate(size, machine, now).together > 0.88);
    CHECK(simulate(size, machine, now).together > 0.97);
  }
}

TEST(leader_works_alone_while_that_is_faster) {
  TeamSize size;
  int64_t now = 0;
  CHECK(simulate(size, kShared, now).together < 0.1);
  CHECK(simulate(size, kShared, now).together < 0.02);
  CHECK(size.stays_alone(10));
  CHECK(!size.stays_alone(100'000));
}

TEST(team_follows_the_machine) {
  TeamSize size;
  int64_t now = 0;
  simulate(size, kFree, now);
  CHECK(simulate(size, kShared, now).together < 0.05);
  CHECK(simulate(size, kFree, now).together > 0.4);
  CHECK(simulate(size, kFree, now).together > 0.97);
}

TEST(a_single_thread_is_a_team_of_one) {
  TeamSize size;
  size.begin(1, 0);
  for (int64_t now = 0; now < 100'000'000; now += 1'000'000) size.step(now);
  CHECK(size.size() == 1);
}
