#include "ops/mix.hpp"

#include <cmath>

#include "ops/draws.hpp"
#include "ops/ops.hpp"
#include "ops/row_tools.hpp"

namespace descend {

template <class T>
Mix<T>::Mix(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan), reads_data_(s.input == plan.input) {}

template <class T>
void Mix<T>::forward(const Pass<T>& pass, Rows lines, Panels part) const {
  if (pass.training && part.first + 1 < parts(false)) return;
  const auto& shares = this->spec.shares;
  for (long line = lines.first; line < lines.last && !pass.training; line++) {
    const T* const x = this->in(pass, line) + line * kPanel<T>;
    T* const y = this->out(pass, line) + line * kPanel<T>;
    each_in_row<T>(this->in_width, this->stride(pass), [&](long o, long) { store(y + o, load(x + o)); });
  }
  if (!pass.training) return;
  for (long r = lines.first / this->in_positions; r < lines.last / this->in_positions; r++) {
    const uint64_t k = (row_bits(pass, 2 * r) * static_cast<uint64_t>(shares.size())) >> 32;
    this->scratch(pass)[r] = mix_row(pass, r, shares[static_cast<std::size_t>(k)]);
  }
}

// Returns what the row keeps of itself.
template <class T>
T Mix<T>::mix_row(const Pass<T>& pass, long r, double share) const {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  if (this->spec.cut_height) return paste(pass, r, share);
  const long n = this->in_width, q = this->in_positions;
  const long second_row = partner(pass, r);
  const Vec<T> own = splat(static_cast<T>(share)), rest = splat(T(1) - static_cast<T>(share));
  const RandomKey key = random_key(pass, this->spec.stream ^ (uint64_t{1} << 63));
  const auto threshold = static_cast<U>(std::min(share * 4294967296.0, 4294967295.0));
  LaneSums<T> kept;
  for (long line = r * q; line < (r + 1) * q; line++) {
    const T* const x = this->in(pass, line) + line * kPanel<T>;
    T* const y = this->out(pass, line) + line * kPanel<T>;
    const Other<T> from = other_row(*this, pass, second_row, line - r * q, reads_data_);
    each_in_row<T>(n, this->stride(pass), [&](long o, long c) {
      const Vec<T> second = from.load_at(o, c, n);
      if (!this->spec.by_feature) return store(y + o, fma<T>(own, load(x + o), rest * second));
      const VecI<T> keep = (VecI<T>)(random_bits<T>(key, static_cast<uint32_t>(line * n + c)) < threshold);
      store(y + o, keep ? load(x + o) : second);
      kept.add(c, (keep & real_columns<T>(c, n)) ? splat(T(1)) : Vec<T>{});
    });
  }
  return this->spec.by_feature ? kept.total() / static_cast<T>(n * q) : static_cast<T>(share);
}

// A rectangle of the other row in place of its own; returns the share of the rest.
template <class T>
T Mix<T>::paste(const Pass<T>& pass, long r, double share) const {
  const long n = this->in_width, q = this->in_positions, width = this->spec.cut_width;
  const long second_row = partner(pass, r);
  const Rectangle cut = rectangle(pass, r, share);
  for (long line = r * q; line < (r + 1) * q; line++) {
    const T* const x = this->in(pass, line) + line * kPanel<T>;
    T* const y = this->out(pass, line) + line * kPanel<T>;
    const long place = line - r * q;
    const bool inside = cut.holds(place / width, place % width);
    const Other<T> from = other_row(*this, pass, second_row, place, reads_data_);
    each_in_row<T>(n, this->stride(pass),
                   [&](long o, long c) { store(y + o, inside ? from.load_at(o, c, n) : load(x + o)); });
  }
  return T(1) - static_cast<T>(cut.area()) / static_cast<T>(q);
}

template <class T>
Rectangle Mix<T>::rectangle(const Pass<T>& pass, long r, double share) const {
  const long height = this->spec.cut_height, width = this->spec.cut_width;
  const double side = std::sqrt(1 - share);
  const auto scaled = [](long whole, double by) { return static_cast<long>(static_cast<double>(whole) * by); };
  const long tall = height > 1 ? scaled(height, side) : 1, wide = scaled(width, height > 1 ? side : 1 - share);
  const RandomKey key = random_key(pass, this->spec.stream ^ (uint64_t{1} << 63));
  const auto centre = [&](long element, long whole) {
    return scaled(whole, uniform(key, static_cast<uint64_t>(element)));
  };
  const long top = centre(2 * r, height) - tall / 2, left = centre(2 * r + 1, width) - wide / 2;
  return Rectangle{top, left, top + tall, left + wide}.within(height, width);
}

template class Mix<float>;
template class Mix<double>;

template <class T>
std::unique_ptr<Op<T>> make_mix(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Mix<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_mix<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_mix<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
