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

  // After a step.
  void step(int64_t now) {
    if (most_ == 1) return;
    busy_ += now - last_;
    last_ = now;
    steps_++;
    if (busy_ < kWindow || (steps_ < kSteps && busy_ < kLongWindow)) return;
    const double rate = static_cast<double>(busy_) / static_cast<double>(steps_);
    (size_ == 1 ? alone_ : together_) = rate;
    if (trying_)
      judge();
    else if ((waited_ += busy_) >= pause_ || rate > kClearly * other())
      size_ = most_ + 1 - size_, trying_ = true;
    busy_ = 0;
    steps_ = 0;
  }

 private:
  // Nanoseconds of a measurement, and its steps unless they are long.
  static constexpr int64_t kWindow = 1'000'000, kLongWindow = 2'000'000, kSteps = 4;
  // Between two tries, at least and at most, as multiples of what a try takes; one size is better than the other when
  // it is faster by more than the first factor, and in doubt a try is made at once when it seems slower by the second.
  static constexpr int64_t kRarely = 30, kMostRarely = 400;
  static constexpr double kFaster = 0.96, kClearly = 1.1;

  double other() const { return size_ == 1 ? together_ : alone_; }

  // The try is over: stay with what is faster.
  void judge() {
    const double here = size_ == 1 ? alone_ : together_;
    if (here < kFaster * other()) {
      rarely_ = kRarely;
    } else {
      size_ = most_ + 1 - size_;
      rarely_ = std::min(2 * rarely_, kMostRarely);
    }
    trying_ = false;
    waited_ = 0;
    pause_ = rarely_ * busy_;
  }

  int most_, size_;
  bool trying_ = false;
  // Nanoseconds per step, the last that was measured; unknown counts as slow, so that it is tried in its turn only.
  double alone_ = std::numeric_limits<double>::infinity(), together_ = alone_;
  int64_t busy_ = 0, last_ = 0, steps_ = 0, waited_ = 0, rarely_ = kRarely, pause_ = 0;
};

}  // namespace descend
