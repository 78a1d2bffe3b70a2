// The entries of a sparse batch sorted by column, made anew in every step: gradients of weights are sums over rows, one
// column of X after the other. Each thread sorts a range of columns of its own, so the threads need not meet in between
// and the result does not depend on them.
#pragma once

#include <vector>

#include "runtime/memory.hpp"
#include "runtime/program.hpp"

namespace descend {

template <class T>
class BatchColumns {
 public:
  struct Entry {
    T value;
    int32_t row;  // of the batch
  };

  // Columns are counted in blocks of this many: a multiple of every panel.
  static constexpr long kBlock = 64;

  // For a run over `count` rows of `data`, `batch` at a time, visited in `order` (null: one after the other). Memory
  // grows to the largest batch and is kept.
  void prepare(const Data<T>& data, long columns, const uint32_t* order, long count, long batch);

  // Thread pass.thread of pass.threads sorts its columns of the batch. Complete when all have done so.
  void fill(const Pass<T>& pass) const;

  // Entries of column c in row order.
  const Entry* begin(long c) const { return entries_.get() + ends_[c]; }
  const Entry* end(long c) const { return entries_.get() + ends_[c + 1]; }

  // Entries that an average batch has in the columns [first, last), whole blocks.
  double expected(long first, long last) const;

 private:
  // The first block of thread t of n.
  long first_block(int t, int n) const;
  double work(long block) const;  // of the blocks before this one, in a step

  Buffer<long> ends_;         // (columns + 1): where column c - 1 ends, or column c begins
  Buffer<Entry> entries_;     // (most entries of a batch)
  std::vector<long> before_;  // (blocks + 1): the run's entries in the blocks before this one
  long columns_ = 0;
  double batches_ = 1;  // in the run
};

}  // namespace descend
