#include "runtime/memory.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace descend {

void* allocate_zeroed(std::size_t bytes) {
  constexpr std::size_t line = 64, huge = std::size_t{1} << 21;
  if (bytes > SIZE_MAX - 2 * huge) throw std::bad_alloc();
  const bool large = bytes >= 2 * huge;
  const std::size_t alignment = large ? huge : line;
  const std::size_t rounded = (bytes + line - 1) / line * line + line;  // a vector may be read past a row's last number
  void* p = std::aligned_alloc(alignment, (rounded + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (large) madvise(p, rounded, MADV_HUGEPAGE);
#endif
  std::memset(p, 0, rounded);
  return p;
}

void release(void* p) noexcept { std::free(p); }

}  // namespace descend
