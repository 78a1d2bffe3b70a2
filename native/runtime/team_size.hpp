// How many members of a team take part: all, or the leader alone while that is faster. Which it is cannot be known
// beforehand: another process, another pool or the machine below a virtual one may hold a core, or let two of ours
// share one. So the time per step is measured, and the other size tried now and then, ever more rarely while it loses.
// What was learnt is kept between runs, which may be short.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace descend {

class TeamSize {
 public:
  explicit TeamSize(int most = 1) : most_(most), size_(most) {}

  int size() const { return size_; }

  // A run with up to `most` members begins at time `now` (nanoseconds).
  void begin(int most, int64_t now) {
    if (most != most_) *this = TeamSize(most);
    last_ = now;
  }

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
    if (members != size_) {
      absent_ += spent;
      if (absent_ > kPatience) give_up();
      return;
    }
    absent_ = 0;
    busy_ += spent;
    steps_++;
    if (busy_ < kWindow || (steps_ < kSteps && busy_ < kLongWindow)) return;
    if (trying_) {
      rate() = static_cast<double>(busy_) / static_cast<double>(steps_);
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
  // Between two tries, at least and at most, as multiples of what a try takes; one size is better than the other when
  // it is faster by more than the first factor, and in doubt a try is made at once when it seems slower by the second.
  static constexpr int64_t kRarely = 6, kMostRarely = 400;
  static constexpr double kFaster = 0.96, kClearly = 1.1;
  // What a measurement still counts when the next one is made: a core that is away for some milliseconds does not make
  // a team seem slow, one that is away half of the time does.
  static constexpr double kFades = 0.9;

  double& rate() { return size_ == 1 ? alone_ : together_; }
  double other() const { return size_ == 1 ? together_ : alone_; }

  // Adds a measurement to those of the present size.
  void remember() {
    spent_ = kFades * spent_ + static_cast<double>(busy_);
    done_ = kFades * done_ + static_cast<double>(steps_);
    rate() = spent_ / done_;
  }

  // The try is over: stay with what is faster.
  void judge() {
    if (rate() < kFaster * other()) {
      rarely_ = kRarely;
      spent_ = done_ = 0;
      remember();
    } else {
      size_ = most_ + 1 - size_;
      rarely_ = std::min(2 * rarely_, kMostRarely);
    }
    pause(busy_);
  }

  // The members do not come.
  void give_up() {
    size_ = 1;
    spent_ = done_ = 0;
    rarely_ = std::min(2 * rarely_, kMostRarely);
    pause(kWindow);
    busy_ = absent_ = steps_ = 0;
  }

  void pause(int64_t measured) {
    trying_ = false;
    waited_ = 0;
    pause_ = rarely_ * measured;
  }

  int most_, size_;
  bool trying_ = false;
  // Nanoseconds per step, as last measured; unknown counts as slow, so that it is tried in its turn only.
  double alone_ = std::numeric_limits<double>::infinity(), together_ = alone_;
  double spent_ = 0, done_ = 0;  // nanoseconds and steps of the present size, fading
  int64_t busy_ = 0, absent_ = 0, last_ = 0, steps_ = 0, waited_ = 0, rarely_ = kRarely, pause_ = 0;
};

}  // namespace descend
