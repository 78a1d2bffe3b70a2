#include "runtime/columns.hpp"

#include <algorithm>
#include <cmath>

namespace descend {

template <class T>
void BatchColumns<T>::prepare(const Data<T>& data, long columns, const uint32_t* order, long count, long batch) {
  const long blocks = (columns + kBlock - 1) / kBlock;
  columns_ = columns;
  batches_ = static_cast<double>(count) / static_cast<double>(batch);
  before_.assign(static_cast<std::size_t>(blocks + 1), 0);
  long most = 0;
  for (long first = 0; first < count; first += batch) {
    long entries = 0;
    for (long i = first; i < std::min(count, first + batch); i++) {
      const long r = order ? static_cast<long>(order[i]) : i;
      for (int64_t k = data.sparse_X.starts[r]; k < data.sparse_X.starts[r + 1]; k++)
        before_[static_cast<std::size_t>(data.sparse_X.columns[k] / kBlock + 1)]++;
      entries += data.sparse_X.count(r);
    }
    most = std::max(most, entries);
  }
  for (std::size_t b = 1; b < before_.size(); b++) before_[b] += before_[b - 1];
  if (ends_.size() < columns + 1) ends_ = Buffer<long>(columns + 1);
  if (entries_.size() < most) entries_ = Buffer<Entry>(most);
}

template <class T>
double BatchColumns<T>::expected(long first, long last) const {
  const auto block = [](long c) { return static_cast<std::size_t>((c + kBlock - 1) / kBlock); };
  return static_cast<double>(before_[block(std::min(last, columns_))] - before_[block(first)]) / batches_;
}

template <class T>
double BatchColumns<T>::work(long block) const {
  constexpr double per_column = 0.25;  // of what an entry takes: its count is cleared and summed up
  return static_cast<double>(before_[static_cast<std::size_t>(block)]) / batches_ +
         per_column * static_cast<double>(block * kBlock);
}

template <class T>
long BatchColumns<T>::first_block(int t, int n) const {
  const long blocks = static_cast<long>(before_.size()) - 1;
  if (t == n) return blocks;
  const double mine = work(blocks) * t / n;
  long low = 0, high = blocks;  // the first block with at least so much before it
  while (low < high) {
    const long middle = (low + high) / 2;
    if (work(middle) < mine)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

template <class T>
void BatchColumns<T>::fill(const Pass<T>& pass) const {
  const long first = std::min(columns_, first_block(pass.thread, pass.threads) * kBlock),
             last = std::min(columns_, first_block(pass.thread + 1, pass.threads) * kBlock);
  if (first >= last) return;
  const SparseRows<T>& X = pass.data->sparse_X;
  const auto from = [&](int64_t begin, int64_t end) {  // the row's first entry in or beyond my columns
    return first == 0 ? begin : std::lower_bound(X.columns + begin, X.columns + end, first) - X.columns;
  };
  long* const at = ends_.get() + 1;  // first how many entries a column has, then where its next one goes
  std::fill(at + first, at + last, 0);
  long before = 0;
  for (long r = 0; r < pass.rows; r++) {
    const int64_t begin = X.starts[pass.source(r)], end = X.starts[pass.source(r) + 1];
    const int64_t mine = from(begin, end);
    before += mine - begin;
    for (int64_t k = mine; k < end && X.columns[k] < last; k++) at[X.columns[k]]++;
  }
  for (long c = first; c < last; c++) {
    const long count = at[c];
    at[c] = before;
    before += count;
  }
  Entry* const entries = entries_.get();
  for (long r = 0; r < pass.rows; r++) {
    const int64_t end = X.starts[pass.source(r) + 1];
    for (int64_t k = from(X.starts[pass.source(r)], end); k < end && X.columns[k] < last; k++)
      entries[at[X.columns[k]]++] = {X.values[k], static_cast<int32_t>(r)};
  }
}

template class BatchColumns<float>;
template class BatchColumns<double>;

}  // namespace descend
