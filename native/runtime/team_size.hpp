// How many members of a team take part: all, or the leader alone while that is faster. Which it is cannot be known
// beforehand: another process, another pool or the machine below a virtual one may hold a core, put two of ours on one
// or far apart, and change that at any time. So the time per step is measured, and the other size tried now and then.
//
// The leader is measured while the team comes for the first time. Its own speed hardly changes, so it is rarely tried
// again; a team that grows slow is seen at work. What slows a team down, however, may end any moment: the team is tried
// again soon, and more rarely only while that loses time. What was learnt is kept between runs, which may be short.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace descend {

class TeamSize {
 public:
  explicit TeamSize(int most = 1) : most_(most), size_(most) {}

  int size() const { return size_; }

  // A run with up to `most` members begins at time `now` (nanoseconds). Where steps are long, the leader is not
  // measured first: one step of it would cost more than is learnt.
  void begin(int most, bool long_steps, int64_t now) {
    if (most != most_) *this = TeamSize(most);
    long_steps_ = long_steps;
    last_ = now;
  }

  // Whether the leader does the next step alone, so that its speed is known, although the team is wanted.
  bool leader_first() const { return size_ > 1 && alone_ == kUnknown && !long_steps_; }

  // Whether the leader will be alone for all of the next `steps` steps, so that no team is needed.
  bool stays_alone(long steps) const {
    if (size_ > 1 || trying_) return false;
    return too_short() || waited_ + window_.spent + static_cast<double>(steps) * alone_ < pause_;
  }

  // After a step that `members` took part in: while not all who are wanted have come, the leader is alone.
  void step(int64_t now, int members) {
    const int64_t spent = now - last_;
    last_ = now;
    if (most_ == 1) return;
    // When the members have changed, most of what they need lies in other caches.
    const bool cold = members != members_ && spent < kWindow;
    members_ = members;
    if (size_ > 1) team_.add(spent);
    if (members != size_) return wait(spent, cold);
    absent_ = 0;
    if (cold) return;
    window_.add(spent);
    if (!measured()) return;
    if (trying_) {
      judge();
    } else {
      remember();
      waited_ += window_.spent;
      const bool due = waited_ >= pause_ || rate() > kClearly * other();
      if (due && (size_ > 1 || !too_short())) attempt();
    }
    window_ = {};
  }

 private:
  struct Steps {
    double spent = 0, count = 0;  // nanoseconds, steps

    void add(int64_t time) { spent += static_cast<double>(time), count++; }
    double rate() const { return spent / count; }
  };

  // Nanoseconds of a measurement, and its steps unless they are long.
  static constexpr double kWindow = 1e6, kLongWindow = 2e6, kSteps = 4;
  // What members get to come: an idle core of a virtual machine takes long to wake up, but nobody waits meanwhile.
  static constexpr int64_t kPatience = 200'000'000;
  // The time to the next try of the team, and of the leader alone: at least, and as a multiple of what it loses; that
  // of a team that loses again and again doubles up to another.
  static constexpr double kTeamPause = 1e7, kLeaderPause = 5e7;
  static constexpr double kTeamPauses = 10, kMostTeamPauses = 200, kLeaderPauses = 400;
  // The leader alone does steps this short (nanoseconds): the meetings, some microseconds even where processors are
  // near, take what the members spare, and a first try would only cost.
  static constexpr double kShort = 22e3;
  // A team is worth its cores when it takes less than the first part of the leader's time. A try is made at once when
  // the present size seems slower by the second factor, and ends early when what is tried is slower by the third.
  static constexpr double kWorth = 0.99, kClearly = 1.05, kHopeless = 1.4;
  // What a measurement still counts when the next one is made: a core that is away for some milliseconds does not make
  // a team seem slow, one that is away half of the time does.
  static constexpr double kFades = 0.9;
  // Of a size that was not measured; it counts as slow, so that it is tried in its turn only.
  static constexpr double kUnknown = std::numeric_limits<double>::infinity();

  double& rate() { return size_ == 1 ? alone_ : together_; }
  bool too_short() const { return alone_ < kShort; }
  double other() const { return size_ == 1 ? together_ : alone_; }

  // After a step of the leader alone while the members are to come: before the team was ever together, it tells the
  // leader's time.
  void wait(int64_t spent, bool cold) {
    if (together_ == kUnknown && !cold) alone_ = std::min(alone_, static_cast<double>(spent));
    if ((absent_ += spent) > kPatience || too_short()) give_up();
  }

  // Whether the steps of the present size are enough for a measurement.
  bool measured() const {
    if (trying_ && window_.count >= kSteps && window_.rate() > kHopeless * other()) return true;
    return window_.spent >= kWindow && (window_.count >= kSteps || window_.spent >= kLongWindow);
  }

  // Adds a measurement to those of the present size.
  void remember() {
    past_ = {kFades * past_.spent + window_.spent, kFades * past_.count + window_.count};
    rate() = past_.rate();
  }

  // Tries the other size.
  void attempt() {
    size_ = most_ + 1 - size_;
    trying_ = true;
    if (size_ > 1) team_ = {};
  }

  // The try is over: stay with what is better.
  void judge() {
    rate() = window_.rate();
    const bool team = together_ < kWorth * alone_;
    if (team == (size_ > 1))
      past_ = {}, remember();
    else
      size_ = most_ + 1 - size_;
    if (team)
      settle(std::max(kLeaderPause, kLeaderPauses * loss_of_leader()));
    else
      leave_team();
  }

  // What a try of the leader is going to lose.
  double loss_of_leader() const {
    const double alone = alone_ == kUnknown ? 2 * together_ : alone_;
    return std::max(kWindow, alone) * (1 - together_ / alone);
  }

  void leave_team() {
    const double lost = team_.spent - team_.count * alone_;
    pauses_ = lost > 0 ? std::min(2 * pauses_, kMostTeamPauses) : kTeamPauses;
    settle(std::max(kTeamPause, pauses_ * lost));
  }

  // The members do not come, or are not worth their coming.
  void give_up() {
    size_ = 1;
    if (!trying_) past_ = {};
    settle(kTeamPause);
    window_ = {};
    absent_ = 0;
  }

  // Stays with the present size for `pause`.
  void settle(double pause) {
    trying_ = false;
    waited_ = 0;
    pause_ = pause;
  }

  int most_, size_, members_ = 0;
  bool trying_ = true, long_steps_ = false;
  double alone_ = kUnknown, together_ = kUnknown;  // nanoseconds per step, as last measured
  Steps window_, past_;                            // of the present size: the latest, and those before, fading
  Steps team_;                                     // since the team was last called, with those before it has come
  int64_t last_ = 0, absent_ = 0;
  double waited_ = 0, pause_ = 0, pauses_ = kTeamPauses;
};

}  // namespace descend
