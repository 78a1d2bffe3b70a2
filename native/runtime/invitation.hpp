// How the leader of a run calls its members, and how many have come.
#pragma once

#include <atomic>
#include <cstdint>

namespace descend {

class Invitation {
 public:
  // The number of the latest call or withdrawal; members are called while it is odd.
  uint64_t number() const { return state_.load(std::memory_order_acquire) >> kBits; }
  static bool calls(uint64_t number) { return number % 2 == 1; }

  bool stands() const { return calls(number()); }
  int come() const { return static_cast<int>(state_.load(std::memory_order_acquire) & ((1u << kBits) - 1)); }

  // By the leader: calls the members, or withdraws the call.
  void change() { state_.store((number() + 1) << kBits, std::memory_order_release); }

  // By a member, once for each call: it has come, unless the call was withdrawn meanwhile.
  void answer(uint64_t number) {
    uint64_t state = state_.load(std::memory_order_relaxed);
    while (state >> kBits == number && !state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) {
    }
  }

 private:
  static constexpr int kBits = 16;  // those of the members that have come
  std::atomic<uint64_t> state_{0};
};

}  // namespace descend
