#include "ops/dense_parameters.hpp"

#include "ops/update.hpp"

namespace descend {

namespace {

// Adds the column sums of lines [r, end) of one panel: block by block, four blocks side by side to hide the latency.
template <class T>
void add_rows(const T* panel, long r, long end, Vec<T> (&total)[kPanelVecs<T>]) {
  constexpr int P = kPanel<T>, V = kPanelVecs<T>;
  for (; r + 4 * kRowBlock <= end; r += 4 * kRowBlock) {
    Vec<T> s[4][V] = {};
    for (long k = 0; k < kRowBlock; k++)
      for (int b = 0; b < 4; b++)
        for (int v = 0; v < V; v++) s[b][v] += load(panel + (r + b * kRowBlock + k) * P + v * kLanes<T>);
    for (int b = 0; b < 4; b++)
      for (int v = 0; v < V; v++) total[v] += s[b][v];
  }
  for (; r < end; r += kRowBlock) {
    Vec<T> s[V] = {};
    for (long k = r; k < std::min(end, r + kRowBlock); k++)
      for (int v = 0; v < V; v++) s[v] += load(panel + k * P + v * kLanes<T>);
    for (int v = 0; v < V; v++) total[v] += s[v];
  }
}

// Column sums of panel o of the gradient of an op's output, stored or added.
template <class T>
void sum_outputs(const Pass<T>& pass, const Op<T>& op, long o, T* to, bool added) {
  Vec<T> total[kPanelVecs<T>] = {};
  const long lines = pass.rows * op.out_positions, group = pass.arena->group * op.out_positions;
  for (long r = 0; r < lines; r += group)
    add_rows(op.out_gradient(pass, r) + o * pass.arena->stride(op.out_positions), r, std::min(lines, r + group), total);
  for (int v = 0; v < kPanelVecs<T>; v++) {
    T* at = to + v * kLanes<T>;
    store(at, added ? load(at) + total[v] : total[v]);
  }
}

}  // namespace

template <class T>
void DenseParameters<T>::add_partners(const Pass<T>& pass, const Block<T>& block) const {
  constexpr long P = kPanel<T>;
  bool spills = false;
  for (const Op<T>* other : this->partners) {
    if (other->spec.weight != this->spec.weight) continue;
    other->add_gradient(pass, block);
    spills |= other->spec.transposed;
  }
  // A transposed use reads its rows behind their end, where an activation need not have left zeros.
  const long last = columns_ / P - block.output;
  if (!spills || columns_ % P == 0 || last < 0 || last >= block.count) return;
  T* const g = block.g + last * block.apart;
  const long lines = std::min(rows_, block.inputs.last * P) - block.inputs.first * P;
  for (long line = 0; line < lines; line++) std::fill(g + line * P + columns_ % P, g + (line + 1) * P, T(0));
}

template <class T>
void DenseParameters<T>::update_bias(const Pass<T>& pass, Panels outputs, Update<T>& update) const {
  constexpr int P = kPanel<T>;
  for (long o = outputs.first; o < outputs.last; o++) {
    alignas(64) T scratch[P];
    T* g = update.gradient(bias_.offset + o * P, scratch);
    if (update.computes()) {
      sum_outputs<T>(pass, *this, o, g, false);
      for (const Op<T>* other : this->partners)
        if (other->spec.bias == this->spec.bias) sum_outputs(pass, *other, o, g, true);
    }
    update.commit(this->spec.bias, bias_.offset + o * P, g, P);
  }
}

template <class T>
bool DenseParameters<T>::refreshes(const Update<T>& update) const {
  return this->keeps_transposed && update.applies();
}

template <class T>
T* DenseParameters<T>::transposed(long i, long o, const Update<T>& update) const {
  constexpr int P = kPanel<T>;
  return update.transposed() + weight_.transposed + (i * padded<T>(columns_) + o * P) * P;
}

template <class T>
void DenseParameters<T>::refresh_transposed(Panels inputs, long output, const Update<T>& update) const {
  if (!refreshes(update)) return;
  for (long i = inputs.first; i < inputs.last; i++)
    update.transpose(offset(i, output), columns_of<T>(rows_, i), transposed(i, output, update));
}

template class DenseParameters<float>;
template class DenseParameters<double>;

}  // namespace descend
