// Which processors the members of a team sit on. A system may put two of them on one processor and leave them there
// although another is free: seen from outside, threads that wait for each other in turns keep one processor busy and
// nothing waits. So a member that had to wait looks where the others sit and moves off an earlier member's processor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace descend {

// The processor that this thread runs on; -1 where that cannot be known.
int processor();

// Moves this thread to a processor that the process may use and that is not `taken`. Returns it, or -1.
int leave_processor(const std::function<bool(int)>& taken);

class Seats {
 public:
  explicit Seats(int members);

  // Member t had to wait for long at time `now`: it takes note of its processor, and leaves it when an earlier member
  // sits there and the process may use one that none sits on. The caller's thread, member 0, is never moved.
  void look(int t, int64_t now);

 private:
  struct alignas(64) Seat {
    std::atomic<int> processor{-1};
    int64_t moved = 0;
  };
  bool taken(int processor, int before) const;

  int members_;
  std::unique_ptr<Seat[]> seats_;
};

}  // namespace descend
