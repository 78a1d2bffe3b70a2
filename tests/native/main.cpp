#include <cstring>

#include "harness.hpp"

// native_tests [part of a name]: runs the tests whose name contains it.
int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const harness::Test& test : harness::tests()) {
    if (argc > 1 && !std::strstr(test.name, argv[1])) continue;
    const int before = harness::failures();
    test.run();
    const bool good = harness::failures() == before;
    std::printf("%s %s\n", good ? "passed" : "FAILED", test.name);
    std::fflush(stdout);
    (good ? passed : failed)++;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0;
}
