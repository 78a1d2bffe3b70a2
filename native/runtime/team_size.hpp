// How many members of a team take part: all, or the leader alone while that is faster. Which it is cannot be known
// beforehand: another process, another pool or the machine below a virtual one may hold a core, put two of ours on one
// or far apart, and change that at any time. So the time per step is measured, and the other size tried now and then.
//
// The leader is measured while the team comes for the first time. Its own speed hardly changes, so it is rarely tried
// again; a team that grows slow is seen at work. What slows a team down, however, may end any moment, so while the
// leader is alone the team is tried more often. What was learnt is kept between runs, which may be short.
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
    if (size_ == 1 && !trying_ && now - last_ > kStale) waited_ = std::max(waited_, pause_ - kTeam.least * kWindow);
    last_ = now;
  }

  // Whether the leader does the next step alone, so that its speed is known, although the team is wanted.
  bool leader_first() const { return size_ > 1 && alone_ == kUnknown && !long_steps_; }

  // Whether the leader will be alone for all of the next `steps` steps, so that no team is needed.
  bool stays_alone(long steps) const {
    const double ahead = static_cast<double>(waited_ + busy_) + static_cast<double>(steps) * alone_;
    return size_ == 1 && !trying_ && ahead < static_cast<double>(pause_);
  }

  // After a step that `members` took part in: while not all who are wanted have come, the leader is alone.
  void step(int64_t now, int members) {
    const int64_t spent = now - last_;
    last_ = now;
    if (most_ == 1) return;
    // When the members have changed, most of what they need lies in other caches.
    const bool cold = members != members_ && spent < kWindow;
    members_ = members;
    if (members != size_) return wait(spent, cold);
    absent_ = 0;
    if (cold) return;
    busy_ += spent;
    steps_++;
    if (!measured()) return;
    if (trying_) {
      judge();
    } else {
      remember();
      if ((waited_ += busy_) >= pause_ || rate() > kClearly * other()) size_ = most_ + 1 - size_, trying_ = true;
    }
    busy_ = 0;
    steps_ = 0;
  }

 private:
  // Nanoseconds of a measurement, and its steps unless they are long.
  static constexpr int64_t kWindow = 1'000'000, kLongWindow = 2'000'000, kSteps = 4;
  // What members get to come: an idle core of a virtual machine takes long to wake up, but nobody waits meanwhile.
  static constexpr int64_t kPatience = 200'000'000;
  // After so long between two runs, what slowed the team down may well be over.
  static constexpr int64_t kStale = 100'000'000;
  // Between two tries of the team or of the leader alone, at least and at most, as multiples of what a try takes.
  struct Pauses {
    int64_t least, most;
  };
  static constexpr Pauses kTeam{6, 100}, kLeader{48, 400};
  // A team is worth its cores when it takes less than the first part of the leader's time. A try is made at once when
  // the present size seems slower by the second factor, and ends early when what is tried is slower by the third.
  static constexpr double kWorth = 0.97, kClearly = 1.05, kHopeless = 1.4;
  // What a measurement still counts when the next one is made: a core that is away for some milliseconds does not make
  // a team seem slow, one that is away half of the time does.
  static constexpr double kFades = 0.9;
  // Of a size that was not measured; it counts as slow, so that it is tried in its turn only.
  static constexpr double kUnknown = std::numeric_limits<double>::infinity();

  double& rate() { return size_ == 1 ? alone_ : together_; }
  double other() const { return size_ == 1 ? together_ : alone_; }
  const Pauses& pauses() const { return size_ == 1 ? kTeam : kLeader; }

  // After a step of the leader alone while the members are to come: before the team was ever together, it tells the
  // leader's time.
  void wait(int64_t spent, bool cold) {
    if (together_ == kUnknown && !cold) alone_ = std::min(alone_, static_cast<double>(spent));
    if ((absent_ += spent) > kPatience) give_up();
  }

  // Whether the steps of the present size are enough for a measurement.
  bool measured() const {
    const auto busy = static_cast<double>(busy_), steps = static_cast<double>(steps_);
    if (trying_ && steps_ >= kSteps && busy > kHopeless * other() * steps) return true;
    return busy_ >= kWindow && (steps_ >= kSteps || busy_ >= kLongWindow);
  }

  // Adds a measurement to those of the present size.
  void remember() {
    spent_ = kFades * spent_ + static_cast<double>(busy_);
    done_ = kFades * done_ + static_cast<double>(steps_);
    rate() = spent_ / done_;
  }

  // The try is over: stay with what is better.
  void judge() {
    rate() = static_cast<double>(busy_) / static_cast<double>(steps_);
    if ((together_ < kWorth * alone_) == (size_ > 1)) {
      forget();
      remember();
    } else {
      size_ = most_ + 1 - size_;
      rarely_ = std::min(2 * rarely_, pauses().most);
    }
    pause(busy_);
  }

  // The members do not come.
  void give_up() {
    size_ = 1;
    if (trying_)
      rarely_ = std::min(2 * rarely_, kTeam.most);
    else
      forget();
    pause(kWindow);
    busy_ = absent_ = steps_ = 0;
  }

  // What was measured of the size before the present one.
  void forget() {
    spent_ = done_ = 0;
    rarely_ = pauses().least;
  }

  void pause(int64_t measured) {
    trying_ = false;
    waited_ = 0;
    pause_ = rarely_ * measured;
  }

  int most_, size_, members_ = 0;
  bool trying_ = true, long_steps_ = false;
  double alone_ = kUnknown, together_ = kUnknown;  // nanoseconds per step, as last measured
  double spent_ = 0, done_ = 0;                    // nanoseconds and steps of the present size, fading
  int64_t busy_ = 0, absent_ = 0, last_ = 0, steps_ = 0, waited_ = 0, rarely_ = kTeam.least, pause_ = 0;
};

}  // namespace descend
