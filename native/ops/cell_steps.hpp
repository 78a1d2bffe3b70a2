// What one step of a cell does to a vector of units, forward beside backward. See layers/recurrent.py for the formulas,
// cells.cpp for cells as they are and normed_cells.cpp for those with batch normalization inside.
#pragma once

#include "kernels/math.hpp"
#include "kernels/product.hpp"
#include "ops/recurrent.hpp"

namespace descend {

// Recurrent layers with batch normalization inside the cell.
template <class T>
std::unique_ptr<Op<T>> make_normed_recurrent(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);

template <class T, Cell cell>
class CellSteps : public Recurrent<T> {
  using Base = Recurrent<T>;

 public:
  using Base::Base;

 protected:
  using Block = CellBlock<T>;
  using Base::c_, Base::carried_, Base::dq_, Base::h_, Base::mask_, Base::operand_, Base::rb_, Base::shown_,
      Base::state_terms_, Base::terms_, Base::units_;
  using Base::P, Base::K, Base::kTogether, Base::stride_;
  static constexpr long G = gates_of(cell);
  static constexpr bool lstm = cell == Cell::lstm, gru = cell == Cell::gru;

  // h U of step s of a block for some panels of units, to q with panels `stride` apart.
  void state_product(const Pass<T>& pass, const Block& b, long s, Panels units, T* q, long stride) const {
    const long columns = this->out_width * P;
    product_panels<T>(b.base + operand_ + s * K, stride_, b.active(s), this->out_width,
                      this->recurrent_weights(pass) + units.first * G * columns, columns, q, stride, nullptr, 0,
                      (units.last - units.first) * G);
  }

  // Calls body(panel of units, place in the step, gradient of the new state, what passes the terms by) for the vectors
  // of some panels of units at step s of a block.
  template <class Body>
  void each_gradient(const Pass<T>& pass, const Block& b, long s, Panels units, Body&& body) const {
    alignas(64) T dh[kTogether * K];
    const bool cut = this->spec.truncate && (s + 1) % this->spec.truncate == 0;
    const long n = b.active(s), later = cut ? 0 : b.active(s + 1), terms = G * units_ * P;
    if (later > 0)
      product_panels<T>(b.base + dq_ + (s + 1) * K, stride_, later, terms,
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
        body(u, o, g, carried);
      }
  }

  // One vector of the new state of unit panel u, at `o` in the block's step, from the state's terms at q.
  void new_state(const Pass<T>& pass, const Block& b, long s, long u, long o, const T* q) const {
    const long at = s * K + o, unit = u * stride_ + at;
    T* z = b.base + terms_ + u * G * stride_ + at;
    Vec<T> h;
    if constexpr (lstm) {
      h = show(b, s, u, o, remember(b, s, u, o, q));
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
    put(pass, b, s, u, o, h);
  }

  // An LSTM's gates and its new memory.
  Vec<T> remember(const Block& b, long s, long u, long o, const T* q) const {
    const long at = s * K + o, unit = u * stride_ + at;
    T* z = b.base + terms_ + u * G * stride_ + at;
    const auto term = [&](int gate) { return load(z + gate * stride_) + load(q + gate * K); };
    const Vec<T> i = sigmoid<T>(term(0)), f = sigmoid<T>(term(1)), g = tanh<T>(term(2)), o_ = sigmoid<T>(term(3));
    const Vec<T> c = fma<T>(f, load(b.base + c_ + unit), i * g);
    store(z, i), store(z + stride_, f), store(z + 2 * stride_, g), store(z + 3 * stride_, o_);
    store(b.base + c_ + unit + K, c);
    return c;
  }

  // What it shows of it: the new state.
  Vec<T> show(const Block& b, long s, long u, long o, Vec<T> c) const {
    const Vec<T> shown = tanh<T>(c);
    store(b.base + shown_ + u * stride_ + s * K + o, shown);
    return load(b.base + terms_ + (u * G + 3) * stride_ + s * K + o) * shown;
  }

  // Keeps the new state and gives it out.
  void put(const Pass<T>& pass, const Block& b, long s, long u, long o, Vec<T> h) const {
    const long unit = u * stride_ + s * K + o;
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
      old_gates(b, s, u, o, dh, through_shown(b, s, u, o, dh, carried));
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

  // An LSTM's gradient of what is shown, added to another.
  Vec<T> through_shown(const Block& b, long s, long u, long o, Vec<T> dh, Vec<T> other) const {
    const long at = s * K + o;
    const Vec<T> shown = load(b.base + shown_ + u * stride_ + at);
    return fma<T>(dh * load(b.base + terms_ + (u * G + 3) * stride_ + at), T(1) - shown * shown, other);
  }

  // From the gradients of its state and of its memory to those of the gates, and of the memory before.
  void old_gates(const Block& b, long s, long u, long o, Vec<T> dh, Vec<T> dc) const {
    const long at = s * K + o, unit = u * stride_ + at;
    T* z = b.base + terms_ + u * G * stride_ + at;
    const Vec<T> i = load(z), f = load(z + stride_), g = load(z + 2 * stride_), o_ = load(z + 3 * stride_);
    store(z, dc * g * i * (T(1) - i));
    store(z + stride_, dc * load(b.base + c_ + unit) * f * (T(1) - f));
    store(z + 2 * stride_, dc * i * (T(1) - g * g));
    store(z + 3 * stride_, dh * load(b.base + shown_ + unit) * o_ * (T(1) - o_));
    store(b.base + carried_ + u * K + o, dc * f);
  }
};

}  // namespace descend
