// How many members of a team take part: fewer while the machine does not give them a core. Tries again ever more
// rarely, and remembers between runs, which may be short.
#pragma once

#include <algorithm>
#include <cstdint>

namespace descend {

class TeamSize {
 public:
  explicit TeamSize(int most = 1) : most_(most), size_(most) {}

  int size() const { return size_; }

  // A run with up to `most` members begins at time `now` (nanoseconds).
  void begin(int most, int64_t now) {
    if (most != most_) *this = TeamSize(most);
    last_ = now;
    last_stalled_ = 0;
  }

  // After a step; `stalled` is the leader's total time of long waits in this run.
  void step(int64_t now, int64_t stalled) {
    busy_ += now - last_;
    waited_ += stalled - last_stalled_;
    last_ = now;
    last_stalled_ = stalled;
    steps_++;
    if (most_ == 1) return;
    if (size_ == 1) {
      if (busy_ > pause_) restart(most_);
    } else if (steps_ >= 4 && busy_ > kWindow) {
      if (waited_ > busy_ / 4) {
        pause_ = std::min(kLongest, 2 * pause_);
        restart(1);
      } else {
        pause_ = kShortest;
        restart(size_);
      }
    }
  }

 private:
  static constexpr int64_t kWindow = 4'000'000, kShortest = 20'000'000, kLongest = 1'000'000'000;

  void restart(int size) {
    size_ = size;
    busy_ = waited_ = 0;
    steps_ = 0;
  }

  int most_, size_;
  int64_t busy_ = 0, waited_ = 0, last_ = 0, last_stalled_ = 0, pause_ = kShortest;
  long steps_ = 0;
};

}  // namespace descend
