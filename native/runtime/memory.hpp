// Zeroed, cache-line aligned memory for the engine's buffers; large ones ask for huge pages.
#pragma once

#include <cstddef>
#include <memory>

namespace descend {

void* allocate_zeroed(std::size_t bytes);  // throws std::bad_alloc
void release(void* p) noexcept;

template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(long count)
      : data_(static_cast<T*>(allocate_zeroed(static_cast<std::size_t>(count) * sizeof(T)))), size_(count) {}

  T* get() const { return data_.get(); }
  long size() const { return size_; }
  T& operator[](long i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const noexcept { release(p); }
  };
  std::unique_ptr<T, Free> data_;
  long size_ = 0;
};

}  // namespace descend
