#include "ops/max_norm.hpp"

#include <cmath>

#include "runtime/kernel.hpp"

namespace descend {

namespace {

// Euclidean lengths of the columns of one vector of a panel (rows, P): four sums of squares, row by row in turns, so
// that one addition does not wait for the one before.
template <class T>
Vec<T> lengths(const T* w, long rows) {
  Vec<T> part[4] = {};
  for (long r = 0; r < rows; r++) {
    const Vec<T> x = load(w + r * kPanel<T>);
    part[r % 4] = fma<T>(x, x, part[r % 4]);
  }
  return sqrt<T>((part[0] + part[1]) + (part[2] + part[3]));
}

template <class T>
bool any(VecI<T> lanes) {
  bool found = false;
  for (int i = 0; i < kLanes<T>; i++) found |= lanes[i] != 0;
  return found;
}

// Scales back the columns of w (rows, P) longer than `limit`; false when there were none. A column that is no longer
// finite stays, so that a diverging run shows. The weights' average (null: none), which took in w with the factor
// `taken`, follows.
template <class T>
bool limit(T* w, long rows, T limit, T* average, T taken) {
  bool changed = false;
  for (int v = 0; v < kPanel<T>; v += kLanes<T>) {
    const Vec<T> length = lengths(w + v, rows);
    const VecI<T> longer = (VecI<T>)(length > limit) & (VecI<T>)(length < T(INFINITY));
    if (!any<T>(longer)) continue;
    changed = true;
    const Vec<T> scale = longer ? limit / length : splat(T(1));
    for (long o = v; o < rows * kPanel<T>; o += kPanel<T>) {
      const Vec<T> before = load(w + o), after = before * scale;
      store(w + o, after);
      if (average) store(average + o, fma<T>(splat(taken), after - before, load(average + o)));
    }
  }
  return changed;
}

}  // namespace

template <class T>
std::vector<LimitedPanel> limited_panels(const Program<T>& program) {
  std::vector<LimitedPanel> found;
  for (std::size_t i = 0; i < program.plan.parameters.size(); i++)
    if (std::isfinite(program.plan.parameters[i].max_norm))
      for (long p = 0; p < panels<T>(program.plan.parameters[i].columns); p++)
        found.push_back({static_cast<int>(i), p});
  return found;
}

template <class T>
void limit_columns(const Program<T>& program, const Parameters<T>& parameters, T momentum, T taken,
                   LimitedPanel limited) {
  constexpr int P = kPanel<T>;
  const auto id = static_cast<std::size_t>(limited.parameter);
  const ParameterSpec& spec = program.plan.parameters[id];
  const Placement& place = program.placement[id];
  const Kernel<T> kernel(spec);
  const long rows = kernel.taps * kernel.rows, offset = place.offset + limited.panel * kernel.panel();
  T* w = parameters.weights + offset;
  if (!limit(w, rows, static_cast<T>(spec.max_norm), parameters.average ? parameters.average + offset : nullptr, taken))
    return;
  if (parameters.look_ahead)
    for (long o = 0; o < rows * P; o += kLanes<T>)
      store(parameters.look_ahead + offset + o,
            fma<T>(splat(-momentum), load(parameters.slots[0] + offset + o), load(w + o)));
  if (place.transposed < 0) return;
  const T* point = (parameters.look_ahead ? parameters.look_ahead : parameters.weights) + offset;
  for (long t = 0; t < kernel.taps; t++)
    for (long u = 0; u < panels<T>(kernel.rows); u++)
      if (const long to = kernel.transposed_at(t, u, limited.panel); to >= 0)
        transpose_panel<T>(point + kernel.at(t, u, 0), kernel.block_rows(u),
                           parameters.transposed + place.transposed + to);
}

template std::vector<LimitedPanel> limited_panels<float>(const Program<float>&);
template std::vector<LimitedPanel> limited_panels<double>(const Program<double>&);
template void limit_columns<float>(const Program<float>&, const Parameters<float>&, float, float, LimitedPanel);
template void limit_columns<double>(const Program<double>&, const Parameters<double>&, double, double, LimitedPanel);

}  // namespace descend
