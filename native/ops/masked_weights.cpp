#include "ops/masked_weights.hpp"

#include "runtime/random.hpp"

namespace descend {

template <class T>
MaskedWeights<T>::MaskedWeights(const OpSpec& spec, const PlanSpec& plan, int id, bool transposed)
    : kernel_(plan.parameters[static_cast<std::size_t>(id)]),
      columns_(plan.parameters[static_cast<std::size_t>(id)].columns),
      gates_(plan.parameters[static_cast<std::size_t>(id)].gates),
      transposed_(transposed),
      threshold_(static_cast<uint64_t>(spec.drop_rate * 4294967296.0)),
      stream_(spec.drop_stream),
      scale_(static_cast<T>(1 / (1 - spec.drop_rate))) {}

template <class T>
void MaskedWeights<T>::prepare(const Pass<T>& pass, const T* weights, T* memory) const {
  const long count = panels<T>(kernel_.out);
  for (long o = count * pass.thread / pass.threads; o < count * (pass.thread + 1) / pass.threads; o++) {
    const long panel = o * kernel_.panel();
    keep(pass, o, 0, kernel_.taps * kernel_.rows, weights + panel, memory + panel);
    if (!transposed_) continue;
    for (long t = 0; t < kernel_.taps; t++)
      for (long u = 0; u < panels<T>(kernel_.rows); u++)
        if (const long to = kernel_.transposed_at(t, u, o); to >= 0)
          transpose_panel<T>(memory + kernel_.at(t, u, o), kernel_.block_rows(u), memory + kernel_.size() + to);
  }
}

template <class T>
long MaskedWeights<T>::element(long line, long o) const {
  constexpr long P = kPanel<T>;
  const long column = o % gates_ * (columns_ / gates_) + o / gates_ * P;
  if (kernel_.groups == 1) return line * columns_ + column;
  // What reads a channel is of one group, where all outputs have the same row.
  const long own = kernel_.in / kernel_.groups, channel = kernel_.first_input(o) * P + line % kernel_.rows;
  return (line / kernel_.rows * own + channel % own) * columns_ + column;
}

template <class T>
void MaskedWeights<T>::keep(const Pass<T>& pass, long o, long first, long count, const T* from, T* to) const {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const RandomKey key(pass.seed, pass.step, stream_);  // of all batches of an update
  const VecU<T> threshold = VecU<T>{} + static_cast<U>(threshold_);
  for (long r = 0; r < count; r++) {
    const auto e = static_cast<uint32_t>(element(first + r, o));
    for (int v = 0; v < kPanel<T>; v += kLanes<T>) {
      const auto kept = (VecI<T>)(random_bits<T>(key, e + static_cast<uint32_t>(v)) >= threshold);
      const long at = r * kPanel<T> + v;
      store(to + at, kept ? load(from + at) * scale_ : Vec<T>{});
    }
  }
}

template class MaskedWeights<float>;
template class MaskedWeights<double>;

}  // namespace descend
