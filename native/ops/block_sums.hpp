// Ops whose parameters' gradients are sums over rows that backward takes block by block: each block of rows keeps
// (2, padded width) sums in the op's scratch, and the owner of the parameters adds the blocks up in order.
#pragma once

#include "ops/ops.hpp"
#include "ops/update.hpp"

namespace descend {

template <class T>
class BlockSums : public Op<T> {
 public:
  using Op<T>::Op;

 protected:
  // Commits the gradient of parameter `id` at `offset`: the sums that lie at `from` within each block of each op that
  // uses it.
  void commit_sums(const Pass<T>& pass, Update<T>& update, int id, long offset, long from) const {
    if (id < 0) return;
    alignas(64) T scratch[kPanel<T>];
    for (long c = 0; c < padded<T>(this->in_width); c += kPanel<T>) {
      T* g = update.gradient(offset + c, scratch);
      if (update.computes()) {
        add_blocks(pass, from + c, g, false);
        for (const Op<T>* other : this->partners)
          static_cast<const BlockSums*>(other)->add_blocks(pass, from + c, g, true);
      }
      update.commit(id, offset + c, g, kPanel<T>);
    }
  }

 private:
  // The sums of a panel that lie at `from` within each block, added up and stored or added.
  void add_blocks(const Pass<T>& pass, long from, T* g, bool added) const {
    const long block = 2 * padded<T>(this->in_width);
    for (int v = 0; v < kPanel<T>; v += kLanes<T>) {
      Vec<T> total{};
      for (long b = 0; b < pass.row_blocks(); b++) total += load(this->scratch(pass) + b * block + from + v);
      store(g + v, added ? load(g + v) + total : total);
    }
  }
};

}  // namespace descend
