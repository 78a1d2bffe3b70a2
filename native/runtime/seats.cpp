#include "runtime/seats.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace descend {

#if defined(__linux__)
int processor() { return sched_getcpu(); }

int leave_processor(const std::function<bool(int)>& taken) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
  for (int other = 0; other < CPU_SETSIZE; other++) {
    if (!CPU_ISSET(other, &allowed) || taken(other)) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(other, &only);
    if (sched_setaffinity(0, sizeof only, &only) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
    return other;
  }
  return -1;
}
#else
int processor() { return -1; }
int leave_processor(const std::function<bool(int)>&) { return -1; }
#endif

Seats::Seats(int members) : members_(members), seats_(new Seat[static_cast<std::size_t>(members)]) {}

bool Seats::taken(int processor, int before) const {
  for (int t = 0; t < before; t++)
    if (seats_[static_cast<std::size_t>(t)].processor.load(std::memory_order_relaxed) == processor) return true;
  return false;
}

void Seats::look(int t, int64_t now) {
  constexpr int64_t often = 2'000'000;  // nanoseconds between two moves of a member: a move costs some microseconds
  Seat& seat = seats_[static_cast<std::size_t>(t)];
  const int here = processor();
  seat.processor.store(here, std::memory_order_relaxed);
  if (t == 0 || here < 0 || now - seat.moved < often || !taken(here, t)) return;
  seat.moved = now;
  const int there = leave_processor([this](int other) { return taken(other, members_); });
  if (there >= 0) seat.processor.store(there, std::memory_order_relaxed);
}

}  // namespace descend
