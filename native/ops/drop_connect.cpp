#include "ops/drop_connect.hpp"

#include "kernels/normal.hpp"
#include "ops/curves.hpp"
#include "runtime/random.hpp"

namespace descend {

template <class T>
DropConnect<T>::DropConnect(const OpSpec& spec, long inputs, long outputs)
    : inputs_(inputs),
      outputs_(outputs),
      threshold_(static_cast<uint64_t>(spec.drop_rate * 4294967296.0)),
      stream_(spec.drop_stream),
      scale_(static_cast<T>(1 / (1 - spec.drop_rate))) {}

template <class T>
long DropConnect<T>::size() const {
  constexpr long per_number = sizeof(T) / sizeof(KeepBits<T>);
  if (!active()) return 0;
  return (straight_size() + panels<T>(inputs_) * padded<T>(outputs_) + per_number - 1) / per_number;
}

template <class T>
void DropConnect<T>::draw(T* memory, uint64_t seed, uint64_t step, Panels in, Panels out) const {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr int P = kPanel<T>, V = kPanelVecs<T>, L = kLanes<T>;
  const RandomKey key(seed, step, stream_);
  const auto threshold = static_cast<U>(threshold_);
  auto* const by_input = reinterpret_cast<KeepBits<T>*>(memory);
  KeepBits<T>* const by_output = by_input + straight_size();
  for (long o = out.first; o < out.last; o++)
    for (long i = in.first; i < in.last; i++) {
      VecU<T> columns[V] = {};  // bit r of lane c: whether the weight of input r to output c is kept
      for (long r = 0; r < columns_of<T>(inputs_, i); r++) {
        const auto element = static_cast<uint32_t>((i * P + r) * outputs_ + o * P);
        unsigned row = 0;
        for (int v = 0; v < V; v++) {
          const auto keep = (VecU<T>)(random_bits<T>(key, element + static_cast<uint32_t>(v * L)) >= threshold);
          row |= lane_bits<T>((VecI<T>)keep) << (v * L);
          columns[v] |= keep & (U(1) << r);
        }
        by_input[o * inputs_ + i * P + r] = static_cast<KeepBits<T>>(row);
      }
      for (int v = 0; v < V; v++)
        for (int c = 0; c < L; c++)
          by_output[i * padded<T>(outputs_) + o * P + v * L + c] = static_cast<KeepBits<T>>(columns[v][c]);
    }
}

template <class T>
void DropConnect<T>::mask(const T* memory, long out, long first, long count, T* g) const {
  const KeepBits<T>* const bits = straight(memory) + out * inputs_ + first;
  for (long r = 0; r < count; r++)
    for (int v = 0; v < kPanelVecs<T>; v++)
      store(g + r * kPanel<T> + v * kLanes<T>, load_kept<T>(g + r * kPanel<T>, bits[r], v) * scale_);
}

namespace {

template <class T, Function f>
void activate(const GaussianInference<T>& g, T* z, const T* variance, long count) {
  const Curve<T, f> curve{g.alpha()};
  for (long o = 0; o < count; o += kLanes<T>) {
    const Vec<T> mean = load(z + o), deviation = sqrt<T>(load(variance + o));
    Vec<T> sum{};
    for (const T point : g.points()) sum += curve.value(fma<T>(deviation, splat(point), mean));
    store(z + o, sum / static_cast<T>(g.points().size()));
  }
}

template <class T, int... i>
auto activation_of(Function f, std::integer_sequence<int, i...>) {
  void (*found)(const GaussianInference<T>&, T*, const T*, long) = nullptr;
  ((static_cast<int>(f) == i ? void(found = &activate<T, static_cast<Function>(i)>) : void()), ...);
  return found;
}

}  // namespace

template <class T>
GaussianInference<T>::GaussianInference(const OpSpec& spec, double rate)
    : factor_(static_cast<T>(rate / (1 - rate))), alpha_(static_cast<T>(spec.alpha)) {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  // Of the random numbers whose quantiles they are: the middles of equal parts of all 32-bit numbers.
  for (uint64_t k = 0; k < static_cast<uint64_t>(spec.samples); k++)
    points_.push_back(
        normal<T>(VecU<T>{} + static_cast<U>(((2 * k + 1) << 31) / static_cast<uint64_t>(spec.samples)))[0]);
  activate_ =
      activation_of<T>(spec.function, std::make_integer_sequence<int, static_cast<int>(Function::exponential) + 1>{});
}

template class DropConnect<float>;
template class DropConnect<double>;
template class GaussianInference<float>;
template class GaussianInference<double>;

}  // namespace descend
