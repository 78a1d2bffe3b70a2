#include "ops/update.hpp"

#include <cmath>

#include "kernels/normal.hpp"
#include "ops/row_tools.hpp"
#include "runtime/kernel.hpp"

namespace descend {

namespace {

// base^n by repeated squaring: the same bits wherever it runs.
double power(double base, uint64_t n) {
  double r = 1;
  for (; n; n >>= 1, base *= base)
    if (n & 1) r *= base;
  return r;
}

constexpr uint64_t kNoiseStream = ~uint64_t{0};  // those of a plan's ops count up from 0

// sqrt(variance / (1 + t)^decay), by the engine's own functions.
double annealed(double variance, double decay, uint64_t t) {
  const double fallen = exp<double>(log<double>(splat(1 + static_cast<double>(t))) * (-0.5 * decay))[0];
  return variance > 0 ? std::sqrt(variance) * fallen : 0;
}

template <class T>
Vec<T> sign(Vec<T> x) {
  return x > T(0) ? splat<T>(1) : x < T(0) ? splat<T>(-1) : Vec<T>{};
}

// g += l1 sign(w) + 2 l2 w; returns l1 sum|w| + l2 sum w^2; both times `share`.
template <class T>
double add_penalty(const ParameterSpec& p, double share, const T* w, T* g, long count) {
  const Vec<T> l1 = splat(static_cast<T>(p.l1 * share)), l2 = splat(static_cast<T>(2 * p.l2 * share));
  LaneSums<T> absolute, squared;
  for (long o = 0; o < count; o += kLanes<T>) {
    const Vec<T> x = load(w + o);
    absolute.add(o, abs<T>(x));
    squared.add(o, x * x);
    store(g + o, load(g + o) + fma<T>(l2, x, l1 * sign<T>(x)));
  }
  return share * (p.l1 * static_cast<double>(absolute.total()) + p.l2 * static_cast<double>(squared.total()));
}

// Calls step(o) for the offset of every vector.
template <class T, class Step>
inline void each(long count, Step&& step) {
  for (long o = 0; o < count; o += kLanes<T>) step(o);
}

// From the weights `w`; the new ones go to `to`, which may be the same.
template <class T>
void apply_rule(const Rule<T>& u, T decay_, const T* w, T* to, T* look, T* const (&slot)[3], const T* g, long count) {
  const Vec<T> rate = splat(u.rate), b1 = splat(u.beta_1), b2 = splat(u.beta_2), eps = splat(u.epsilon),
               gain = splat(u.gain), step = splat(u.step), fix = splat(u.correction), decay = splat(decay_),
               step_gradient = splat(u.step_gradient), gain_2 = splat(T(1) - u.beta_2);
  T *s0 = slot[0], *s1 = slot[1], *s2 = slot[2];
  const auto descend = [&](long o, Vec<T> by) { store(to + o, load(w + o) * decay - by); };
  const auto average = [&](T* s, long o, Vec<T> beta, Vec<T> x) {
    const Vec<T> y = fma<T>(load(s + o), beta, x);
    store(s + o, y);
    return y;
  };
  switch (u.kind) {
    case OptimizerKind::sgd: return each<T>(count, [&](long o) { descend(o, rate * load(g + o)); });
    case OptimizerKind::momentum:
      return each<T>(count, [&](long o) { descend(o, rate * average(s0, o, b1, gain * load(g + o))); });
    case OptimizerKind::nesterov:
      return each<T>(count, [&](long o) {
        const Vec<T> v = average(s0, o, b1, rate * load(g + o));
        descend(o, v);
        store(look + o, fma<T>(-b1, v, load(to + o)));
      });
    case OptimizerKind::heavy_ball:
      return each<T>(count, [&](long o) {
        const Vec<T> by = rate * load(g + o), v = average(s0, o, b1, by);
        descend(o, u.look_ahead ? fma<T>(b1, v, by) : v);
      });
    case OptimizerKind::adagrad:
      return each<T>(count, [&](long o) {
        const Vec<T> x = load(g + o), s = fma<T>(x, x, load(s0 + o));
        store(s0 + o, s);
        descend(o, rate * x / (sqrt<T>(s) + eps));
      });
    case OptimizerKind::rmsprop:
      return each<T>(count, [&](long o) {
        const Vec<T> x = load(g + o);
        descend(o, rate * x / sqrt<T>(average(s0, o, b1, gain * x * x) + eps));
      });
    case OptimizerKind::adam:
      return each<T>(count, [&](long o) {
        const Vec<T> x = load(g + o), m = average(s0, o, b1, gain * x), v = average(s1, o, b2, gain_2 * x * x);
        descend(o, step * m / (sqrt<T>(v * fix) + eps));
      });
    case OptimizerKind::nadam:
      return each<T>(count, [&](long o) {
        const Vec<T> x = load(g + o), m = average(s0, o, b1, gain * x), v = average(s1, o, b2, gain_2 * x * x);
        descend(o, fma<T>(step, m, step_gradient * x) / (sqrt<T>(v * fix) + eps));
      });
    case OptimizerKind::amsgrad:
      return each<T>(count, [&](long o) {
        const Vec<T> x = load(g + o), m = average(s0, o, b1, gain * x), v = average(s1, o, b2, gain_2 * x * x);
        const Vec<T> most = max_keep_nan<T>(v, load(s2 + o));
        store(s2 + o, most);
        descend(o, step * m / (sqrt<T>(most * fix) + eps));
      });
  }
}

}  // namespace

template <class T>
Rule<T>::Rule(const OptimizerSpec& spec, double learning_rate, uint64_t seed, uint64_t step_number, double weight_sum)
    : kind(spec.kind),
      rate(static_cast<T>(learning_rate)),
      beta_1(static_cast<T>(spec.beta_1)),
      beta_2(static_cast<T>(spec.beta_2)),
      epsilon(static_cast<T>(spec.epsilon)),
      gain(static_cast<T>(spec.kind == OptimizerKind::momentum && !spec.dampening ? 1 : 1 - spec.beta_1)),
      step(0),
      correction(1),
      step_gradient(0),
      decay(static_cast<T>(1 - learning_rate * spec.weight_decay)),
      look_ahead(spec.look_ahead),
      share(weight_sum != 0 ? 1 / weight_sum : 0),
      average(static_cast<T>(spec.average)),
      noise(static_cast<T>(annealed(spec.gradient_noise, spec.gradient_noise_decay, step_number))),
      noise_key(seed, step_number, kNoiseStream) {
  if (spec.own_slots() < 2) return;
  const uint64_t t = step_number + 1;
  const double left = 1 - power(spec.beta_1, t);
  const double grown = 1 / (1 - power(spec.beta_2, t));
  correction = static_cast<T>(grown);
  if (spec.epsilon_hat) epsilon = static_cast<T>(spec.epsilon * std::sqrt(grown));
  if (spec.kind == OptimizerKind::nadam) {
    step = static_cast<T>(learning_rate * spec.beta_1 / (1 - power(spec.beta_1, t + 1)));
    step_gradient = static_cast<T>(learning_rate * (1 - spec.beta_1) / left);
  } else {
    step = static_cast<T>(learning_rate / left);
  }
}

template <class T>
void Update<T>::commit(int id, long offset, T* g, long count, bool may_wait) {
  const ParameterSpec& p = program_.plan.parameters[static_cast<std::size_t>(id)];
  if (!p.trainable) {
    if (stage_ == Stage::collect) std::fill(parameters_.gradient + offset, parameters_.gradient + offset + count, T(0));
    return;
  }
  T* const stored = parameters_.gradient ? parameters_.gradient + offset : nullptr;
  if (computes() && adds_) each<T>(count, [&](long o) { store(g + o, load(stored + o) + load(g + o)); });
  if (stage_ == Stage::accumulate) return void(std::copy(g, g + count, stored));
  if (computes()) {
    const T* point = parameters_.look_ahead ? parameters_.look_ahead : parameters_.weights;
    if (p.l1 != 0 || p.l2 != 0) penalty += add_penalty(p, p.spread ? rule_.share : 1, point + offset, g, count);
    if (clip_ < T(INFINITY))
      each<T>(count, [&](long o) {
        store(g + o, max_keep_nan<T>(min_keep_nan<T>(load(g + o), splat(clip_)), splat(-clip_)));
      });
  }
  if (stage_ == Stage::collect) {
    LaneSums<T> squared;
    each<T>(count, [&](long o) { squared.add(o, load(g + o) * load(g + o)); });
    squares += static_cast<double>(squared.total());
    if (g != stored) std::copy(g, g + count, stored);
    return;
  }
  if (!moved) return apply(id, offset, g, count, may_wait);
  apply_measured(moved[id], id, offset, g, count);
}

template <class T>
T* Update<T>::destination(long offset, long count, bool may_wait) const {
  T* const to = parameters_.weights + offset;
  // For the average; and other threads read the look-ahead point in the place of these.
  const bool read_at_once = parameters_.look_ahead || parameters_.average;
  return postponed_ && may_wait && !read_at_once ? postponed_->put(to, count) : to;
}

template <class T>
void Update<T>::apply(int id, long offset, T* g, long count, bool may_wait) {
  const ParameterSpec& p = program_.plan.parameters[static_cast<std::size_t>(id)];
  if (stage_ == Stage::apply && scale_ != T(1)) each<T>(count, [&](long o) { store(g + o, load(g + o) * scale_); });
  if (rule_.noise > T(0)) add_noise(id, offset, g, count);
  T* slot[3];
  for (int i = 0; i < 3; i++) slot[i] = parameters_.slots[i] ? parameters_.slots[i] + offset : nullptr;
  apply_rule<T>(rule_, p.regularized ? rule_.decay : T(1), parameters_.weights + offset,
                destination(offset, count, may_wait),
                parameters_.look_ahead ? parameters_.look_ahead + offset : nullptr, slot, g, count);
  if (!parameters_.average) return;
  T* const mean = parameters_.average + offset;
  const Vec<T> keep = splat(rule_.average), take = splat(T(1) - rule_.average);
  each<T>(count, [&](long o) {
    store(mean + o, fma<T>(load(mean + o), keep, take * load(parameters_.weights + offset + o)));
  });
}

// The random number of an element is that of its place in the plan's flat buffer; padding stays 0.
template <class T>
void Update<T>::add_noise(int id, long offset, T* g, long count) const {
  constexpr int P = kPanel<T>;
  const ParameterSpec& p = program_.plan.parameters[static_cast<std::size_t>(id)];
  const long at = offset - program_.placement[static_cast<std::size_t>(id)].offset, units = p.columns / p.gates;
  if (p.groups > 1) return add_noise_to_groups(p, at, g, count);
  for (long o = 0; o < count; o += P) {
    const long panel = (at + o) / (p.rows * P), row = (at + o) / P % p.rows, unit = panel / p.gates * P;
    const long first = p.offset + row * p.columns + panel % p.gates * units + unit;
    for (int v = 0; v < P; v += kLanes<T>) {
      const Vec<T> z = normal<T>(random_bits<T>(rule_.noise_key, static_cast<uint32_t>(first + v)));
      const Vec<T> kept = real_columns<T>(unit + v, units) ? z : Vec<T>{};
      store(g + o + v, fma<T>(kept, splat(rule_.noise), load(g + o + v)));
    }
  }
}

// The same where outputs read some of the channels that are kept for their panel.
template <class T>
void Update<T>::add_noise_to_groups(const ParameterSpec& p, long at, T* g, long count) const {
  constexpr int P = kPanel<T>;
  const Kernel<T> kernel(p);
  const long inputs = kernel.in / kernel.groups, outputs = kernel.out / kernel.groups;
  for (long i = 0; i < count; i++) {
    const long panel = (at + i) / kernel.panel(), line = (at + i) % kernel.panel() / P, o = panel * P + (at + i) % P;
    const long channel = kernel.first_input(panel) * P + line % kernel.rows;
    if (!kernel.reads(o, channel)) continue;
    const long row = line / kernel.rows * inputs + channel - o / outputs * inputs;
    const Vec<T> z = normal<T>(random_bits<T>(rule_.noise_key, static_cast<uint32_t>(p.offset + row * p.columns + o)));
    g[i] = fma<T>(splat(z[0]), splat(rule_.noise), splat(g[i]))[0];
  }
}

// The same bits as without measuring, piece by piece.
template <class T>
void Update<T>::apply_measured(Moved& sums, int id, long offset, T* g, long count) {
  constexpr long most = kPanel<T> * kPanel<T>;
  alignas(64) T before[most];
  for (long first = 0; first < count; first += most) {
    const long n = std::min(most, count - first);
    T *const w = parameters_.weights + offset + first, *const piece = g + first;
    for (long i = 0; i < n; i++) {
      const auto x = static_cast<double>(piece[i]), y = static_cast<double>(w[i]);
      sums.gradient += x * x;
      sums.weight += y * y;
      before[i] = w[i];
    }
    apply(id, offset + first, piece, n, false);
    for (long i = 0; i < n; i++) {
      const double x = static_cast<double>(w[i]) - static_cast<double>(before[i]);
      sums.change += x * x;
    }
  }
}

template <class T>
void Update<T>::transpose(long offset, long rows, T* to) const {
  transpose_panel<T>((parameters_.look_ahead ? parameters_.look_ahead : parameters_.weights) + offset, rows, to);
}

template <class T>
void look_ahead(const Parameters<T>& parameters, long size, T momentum) {
  const Vec<T> m = splat(-momentum);
  each<T>(size, [&](long o) {
    store(parameters.look_ahead + o, fma<T>(m, load(parameters.slots[0] + o), load(parameters.weights + o)));
  });
}

template struct Rule<float>;
template struct Rule<double>;
template class Update<float>;
template class Update<double>;
template void look_ahead<float>(const Parameters<float>&, long, float);
template void look_ahead<double>(const Parameters<double>&, long, double);

}  // namespace descend
