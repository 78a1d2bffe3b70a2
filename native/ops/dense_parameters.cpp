#include "ops/dense_parameters.hpp"

#include "ops/bias.hpp"

namespace descend {

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
  for (long o = outputs.first; o < outputs.last; o++) descend::update_bias(*this, pass, bias_, o, update);
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
