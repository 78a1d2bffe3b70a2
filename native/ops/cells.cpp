// The steps of SimpleRNN, LSTM and GRU, forward beside backward. See layers/recurrent.py for the formulas.
#include "kernels/math.hpp"
#include "kernels/product.hpp"
#include "ops/recurrent.hpp"

namespace descend {

namespace {

template <class T, Cell cell>
class CellSteps final : public Recurrent<T> {
  using Base = Recurrent<T>;
  using Block = CellBlock<T>;
  using Base::P, Base::K, Base::kTogether;
  using Base::rb_, Base::units_, Base::stride_, Base::c_, Base::carried_, Base::h_, Base::mask_, Base::operand_,
      Base::shown_, Base::state_terms_, Base::terms_;
  static constexpr long G = gates_of(cell);
  static constexpr bool lstm = cell == Cell::lstm, gru = cell == Cell::gru;

 public:
  using Base::Base;

 protected:
  // Step s of a block for some panels of units: the state's terms, and while they are in the cache the new state.
  void step_forward(const Pass<T>& pass, const Block& b, long s, Panels units) const override {
    alignas(64) T q[kTogether * K];
    const long n = b.active(s), columns = this->out_width * P;
    if (n == 0) return;
    if (s == 0 && !this->has_state(pass))
      std::fill(q, q + kTogether * K, T(0));
    else
      product_panels<T>(b.base + operand_ + s * K, stride_, n, this->out_width,
                        this->recurrent_weights(pass) + units.first * G * columns, columns, q, K, nullptr, 0,
                        (units.last - units.first) * G);
    for (long u = units.first; u < units.last; u++)
      for (long o = 0; o < n * P; o += kLanes<T>) new_state(pass, b, s, u, o, q + (u - units.first) * G * K + o);
  }

  // The gradients of some panels of units after step s of a block, and from them those of the step's terms.
  void step_backward(const Pass<T>& pass, const Block& b, long s, Panels units) const override {
    alignas(64) T dh[kTogether * K];
    const bool cut = this->spec.truncate && (s + 1) % this->spec.truncate == 0;
    const long n = b.active(s), later = cut ? 0 : b.active(s + 1), terms = G * units_ * P;
    if (later > 0)
      product_panels<T>(b.base + state_terms_ + (s + 1) * K, stride_, later, terms,
                        this->recurrent_transposed(pass) + units.first * terms * P, terms * P, dh, K, nullptr, 0,
                        units.last - units.first);
    T* dy = this->out_gradient(pass, this->first_line(b));
    for (long u = units.first; u < units.last; u++)
      for (long o = 0; o < n * P; o += kLanes<T>) {
        const long slot = o / P;
        Vec<T> g{}, carried{};
        if (slot < later) {
          g = load(dh + (u - units.first) * K + o);
          if (operand_ != h_) g *= load(b.base + mask_ + u * K + o);
          if (lstm || gru) carried = load(b.base + carried_ + u * K + o);
        }
        if (this->spec.sequences || s + 1 == b.length[slot])
          g += load(this->output(dy, b, slot, s) + u * this->out_stride(pass) + o % P);
        old_state(b, s, u, o, g, carried);
      }
  }

 private:
  // One vector of the state of unit panel u, at `o` in the block's step, from the state's terms at q.
  void new_state(const Pass<T>& pass, const Block& b, long s, long u, long o, const T* q) const {
    const long at = s * K + o, unit = u * stride_ + at;
    T* z = b.base + terms_ + u * G * stride_ + at;
    Vec<T> h;
    if constexpr (lstm) {
      const auto term = [&](int gate) { return load(z + gate * stride_) + load(q + gate * K); };
      const Vec<T> i = sigmoid<T>(term(0)), f = sigmoid<T>(term(1)), g = tanh<T>(term(2)), o_ = sigmoid<T>(term(3));
      const Vec<T> c = fma<T>(f, load(b.base + c_ + unit), i * g), shown = tanh<T>(c);
      h = o_ * shown;
      store(z, i), store(z + stride_, f), store(z + 2 * stride_, g), store(z + 3 * stride_, o_);
      store(b.base + c_ + unit + K, c), store(b.base + shown_ + unit, shown);
    } else if constexpr (gru) {
      const Vec<T> r = sigmoid<T>(load(z) + load(q)), keep = sigmoid<T>(load(z + stride_) + load(q + K));
      Vec<T> reset = load(q + 2 * K);
      if (this->spec.recurrent_bias >= 0) reset += load(pass.weights + rb_.offset + u * P + o % P);
      const Vec<T> n = tanh<T>(fma<T>(r, reset, load(z + 2 * stride_)));
      h = fma<T>(keep, load(b.base + h_ + unit) - n, n);
      store(z, r), store(z + stride_, keep), store(z + 2 * stride_, n);
      store(b.base + state_terms_ + (u * G + 2) * stride_ + at, reset);
    } else {
      const Vec<T> x = load(z) + load(q);
      h = this->spec.function == Function::relu ? max_keep_nan<T>(x, Vec<T>{}) : tanh<T>(x);
    }
    store(b.base + h_ + unit + K, h);
    if (operand_ != h_) store(b.base + operand_ + unit + K, h * load(b.base + mask_ + u * K + o));
    if (this->spec.sequences)
      store(this->output(this->out(pass, this->first_line(b)), b, o / P, s) + u * this->out_stride(pass) + o % P, h);
  }

  // From the gradient of the state after step s to those of the terms, in place of what the cell kept, and of what it
  // carries past the terms: one vector.
  void old_state(const Block& b, long s, long u, long o, Vec<T> dh, Vec<T> carried) const {
    const long at = s * K + o, unit = u * stride_ + at;
    T *z = b.base + terms_ + u * G * stride_ + at, *past = b.base + carried_ + u * K + o;
    if constexpr (lstm) {
      const Vec<T> i = load(z), f = load(z + stride_), g = load(z + 2 * stride_), o_ = load(z + 3 * stride_),
                   shown = load(b.base + shown_ + unit);
      const Vec<T> dc = fma<T>(dh * o_, T(1) - shown * shown, carried);
      store(z, dc * g * i * (T(1) - i));
      store(z + stride_, dc * load(b.base + c_ + unit) * f * (T(1) - f));
      store(z + 2 * stride_, dc * i * (T(1) - g * g));
      store(z + 3 * stride_, dh * shown * o_ * (T(1) - o_));
      store(past, dc * f);
    } else if constexpr (gru) {
      dh += carried;
      const Vec<T> r = load(z), keep = load(z + stride_), n = load(z + 2 * stride_);
      T* q = b.base + state_terms_ + u * G * stride_ + at;
      const Vec<T> dn = dh * (T(1) - keep) * (T(1) - n * n), dr = dn * load(q + 2 * stride_) * r * (T(1) - r),
                   dk = dh * (load(b.base + h_ + unit) - n) * keep * (T(1) - keep);
      store(z, dr), store(z + stride_, dk), store(z + 2 * stride_, dn);
      store(q, dr), store(q + stride_, dk), store(q + 2 * stride_, dn * r);
      store(past, dh * keep);
    } else {
      const Vec<T> h = load(b.base + h_ + unit + K);
      store(z, this->spec.function == Function::relu ? (h > T(0) ? dh : Vec<T>{}) : dh * (T(1) - h * h));
    }
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_recurrent(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  switch (s.cell) {
    case Cell::rnn: return std::make_unique<CellSteps<T, Cell::rnn>>(s, plan, placement);
    case Cell::lstm: return std::make_unique<CellSteps<T, Cell::lstm>>(s, plan, placement);
    case Cell::gru: return std::make_unique<CellSteps<T, Cell::gru>>(s, plan, placement);
  }
  return nullptr;
}
template std::unique_ptr<Op<float>> make_recurrent<float>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_recurrent<double>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);

}  // namespace descend
