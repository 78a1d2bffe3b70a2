// The smallest harness that does the job: TEST registers a function, CHECK counts what does not hold.
#pragma once

#include <cstdio>
#include <vector>

namespace harness {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Register {
  Register(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

}  // namespace harness

#define TEST(name)                                              \
  static void name();                                           \
  static const harness::Register register_##name(#name, &name); \
  static void name()

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      std::printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      harness::failures()++;                                              \
    }                                                                     \
  } while (false)
