#include "ops/step_norms.hpp"

#include "kernels/math.hpp"

namespace descend {

template <class T>
StepNorms<T>::StepNorms(const OpSpec& spec, const PlanSpec& plan, const std::vector<Placement>& placement, long steps)
    : steps_(steps),
      kinds_(spec.norms.size() > 7 ? 3 : 2),
      momentum_(static_cast<T>(spec.momentum)),
      epsilon_(static_cast<T>(spec.epsilon)),
      frozen_(spec.frozen) {
  const auto offset = [&](std::size_t i) { return placement[static_cast<std::size_t>(spec.norms[i])].offset; };
  const long units = padded<T>(plan.width(spec.output));
  const std::array<std::size_t, 3> first = {0, 3, 7};
  long sum = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(kinds_); k++) {
    width_[k] = k == memory ? units : gates_of(spec.cell) * units;
    start_[k] = sum;
    sum += width_[k];
    gamma_id_[k] = spec.norms[first[k]];
    gamma_[k] = offset(first[k]);
    mean_[k] = offset(first[k] + (k == memory ? 2 : 1));
    variance_[k] = offset(first[k] + (k == memory ? 3 : 2));
  }
  seen_ = offset(6);
  if (kinds_ == 3) beta_id_ = spec.norms[8], beta_ = offset(8);
  all_ = sum * steps_;
  later_ = steps_ * (2 * width_[input] + P);
  parity_ = 2 * (width_[input] + width_[state]) + P;
  block_ = later_ + 4 * parity_;
}

template <class T>
void StepNorms<T>::sum_forward(const T* x, long stride, long n, Kind kind, T* sums) const {
  sums[2 * width_[kind]] = static_cast<T>(n);
  if (n == 0) return;
  for (long c = 0; c < width_[kind]; c += kLanes<T>) {
    const T* from = x + c / P * stride + c % P;
    Vec<T> sum{}, m2{};
    for (long r = 0; r < n; r++) sum += load(from + r * P);
    const Vec<T> mean = sum / static_cast<T>(n);
    for (long r = 0; r < n; r++) {
      const Vec<T> d = load(from + r * P) - mean;
      m2 = fma<T>(d, d, m2);
    }
    store(sums + c, sum);
    store(sums + width_[kind] + c, m2);
  }
}

template <class T>
void StepNorms<T>::total_forward(const Pass<T>& pass, T* shared, T* own, Kind kind, long s, long part) const {
  const long width = width_[kind], blocks = pass.row_blocks();
  const auto sums = [&](long b) { return forward_sums(shared, b, kind, s, part); };
  T n = 0;
  for (long b = 0; b < blocks; b++) n += sums(b)[2 * width];
  own[5 * all_ + s] = n;
  if (n <= T(1)) return take_running(pass, own, kind, s);
  for (long c = 0; c < width; c += kLanes<T>) {
    Vec<T> sum{}, m2{};
    for (long b = 0; b < blocks; b++)
      if (sums(b)[2 * width] > T(0)) sum += load(sums(b) + c);
    const Vec<T> mean = sum / n;
    for (long b = 0; b < blocks; b++) {
      const T count = sums(b)[2 * width];
      if (!(count > T(0))) continue;
      const Vec<T> d = load(sums(b) + c) / count - mean;
      m2 += fma<T>(d * d, splat(count), load(sums(b) + width + c));
    }
    const Vec<T> variance = m2 / n;
    store(at(own, kind, 0, s) + c, mean);
    store(at(own, kind, 1, s) + c, T(1) / sqrt<T>(variance + epsilon_));
    store(at(own, kind, 2, s) + c, variance);
  }
}

template <class T>
void StepNorms<T>::total_backward(const Pass<T>& pass, T* shared, T* own, Kind kind, long s, long part) const {
  const long width = width_[kind];
  for (long c = 0; c < width; c += kLanes<T>) {
    Vec<T> sum{}, along{};
    for (long b = 0; b < pass.row_blocks(); b++) {
      const T* sums = backward_sums(shared, b, kind, part);
      sum += load(sums + c);
      along += load(sums + width + c);
    }
    store(at(own, kind, 3, s) + c, sum);
    store(at(own, kind, 4, s) + c, along);
  }
}

template <class T>
void StepNorms<T>::first_state(const Pass<T>& pass, T* own) const {
  if (counts(own)[0] <= T(1)) return take_running(pass, own, state, 0);
  for (long c = 0; c < width_[state]; c += kLanes<T>) {
    store(at(own, state, 0, 0) + c, Vec<T>{});
    store(at(own, state, 1, 0) + c, T(1) / sqrt<T>(splat(epsilon_)));
    store(at(own, state, 2, 0) + c, Vec<T>{});
  }
}

template <class T>
void StepNorms<T>::take_running(const Pass<T>& pass, T* own, Kind kind, long s) const {
  const long last = seen(pass.weights), from = last > 0 ? std::min(s, last - 1) : s;
  for (long c = 0; c < width_[kind]; c += kLanes<T>) {
    store(at(own, kind, 0, s) + c, load(pass.weights + running(mean_[kind], from, c)));
    const Vec<T> variance = load(pass.weights + running(variance_[kind], from, c));
    store(at(own, kind, 1, s) + c, T(1) / sqrt<T>(variance + epsilon_));
  }
}

template <class T>
void StepNorms<T>::take_running(const Pass<T>& pass, T* own) const {
  for (long k = 0; k < kinds_; k++)
    for (long s = 0; s < steps_; s++) take_running(pass, own, static_cast<Kind>(k), s);
}

template <class T>
void StepNorms<T>::commit(const T* own, Update<T>& update, Kind kind, int piece, int id, long offset) const {
  alignas(64) T scratch[P];
  for (long c = 0; c < width_[kind]; c += P) {
    T* g = update.gradient(offset + c, scratch);
    if (update.computes())
      for (long v = 0; v < P; v += kLanes<T>) {
        Vec<T> sum{};
        for (long s = 0; s < steps_; s++)
          if (counts(own)[s] > T(0)) sum += load(at(own, kind, piece, s) + c + v);
        store(g + v, sum);
      }
    update.commit(id, offset + c, g, P);
  }
}

template <class T>
void StepNorms<T>::update(const Pass<T>& pass, const T* own, Update<T>& update) const {
  for (long k = 0; k < kinds_; k++)
    commit(own, update, static_cast<Kind>(k), 4, gamma_id_[static_cast<std::size_t>(k)],
           gamma_[static_cast<std::size_t>(k)]);
  if (beta_ >= 0) commit(own, update, memory, 3, beta_id_, beta_);
  if (!frozen_ && update.moves_statistics()) move(pass, own, update);
}

// A step that is seen for the first time starts from the last one that was.
template <class T>
void StepNorms<T>::move(const Pass<T>& pass, const T* own, Update<T>& update) const {
  const long last = seen(pass.weights);
  const T take = T(1) - momentum_;
  long now = last;
  for (long s = 0; s < steps_; s++)
    if (counts(own)[s] > T(1)) now = std::max(now, s + 1);
  for (std::size_t k = 0; k < static_cast<std::size_t>(kinds_); k++)
    for (const auto& [place, piece] : {std::pair{mean_[k], 0}, std::pair{variance_[k], 2}})
      for (long c = 0; c < width_[k]; c += kLanes<T>) {
        const Vec<T> before = last > 0 ? load(pass.weights + running(place, last - 1, c)) : Vec<T>{};
        for (long s = 0; s < now; s++) {
          const long to = running(place, s, c);
          if (last > 0 && s >= last) update.average(to, T(0), before);
          if (counts(own)[s] > T(1))
            update.average(to, momentum_, load(at(own, static_cast<Kind>(k), piece, s) + c) * take);
        }
      }
  Vec<T> count{};
  count[0] = static_cast<T>(now);
  update.average(seen_, T(0), count);
}

template class StepNorms<float>;
template class StepNorms<double>;

}  // namespace descend
