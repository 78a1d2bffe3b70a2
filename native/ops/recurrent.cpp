#include "ops/recurrent.hpp"

#include "kernels/product.hpp"

namespace descend {

namespace {

constexpr long kTaskOutputs = 4;  // panels of outputs that a task owns, of one panel of inputs

Placement placement_of(const std::vector<Placement>& placement, int id) {
  return id >= 0 ? placement[static_cast<std::size_t>(id)] : Placement{};
}

template <class T, int N>
void add_lines(const T* lines, long stride, long count, T* sums) {
  constexpr int P = kPanel<T>;
  for (int v = 0; v < P; v += kLanes<T>) {
    Vec<T> s[N] = {};
    for (long l = 0; l < count; l++)
      for (int n = 0; n < N; n++) s[n] += load(lines + n * stride + l * P + v);
    for (int n = 0; n < N; n++) store(sums + n * P + v, load(sums + n * P + v) + s[n]);
  }
}

}  // namespace

template <class T>
Recurrent<T>::Recurrent(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
    : Op<T>(s, plan),
      gates_(gates_of(s.cell)),
      steps_(this->in_positions),
      inputs_(panels<T>(this->in_width)),
      units_(panels<T>(this->out_width)),
      stride_(((steps_ + 1) | 1) * K),
      w_(placement_of(placement, s.weight)),
      u_(placement_of(placement, s.recurrent)),
      b_(placement_of(placement, s.bias)),
      rb_(placement_of(placement, s.recurrent_bias)),
      drop_(s.rate),
      recurrent_drop_(s.recurrent_rate),
      masked_(s, plan, s.recurrent, true),
      trainable_(plan.trains(s.weight) || plan.trains(s.recurrent) || plan.trains(s.bias) ||
                 plan.trains(s.recurrent_bias)) {
  lay_out();
}

template <class T>
void Recurrent<T>::lay_out() {
  const auto take = [&](long count) {
    size_ += count;
    return size_ - count;
  };
  const bool lstm = this->spec.cell == Cell::lstm, gru = this->spec.cell == Cell::gru;
  x_ = take(inputs_ * stride_);
  terms_ = state_terms_ = take(gates_ * units_ * stride_);
  h_ = operand_ = take(units_ * stride_);
  if (gru) state_terms_ = take(gates_ * units_ * stride_);
  if (lstm) c_ = take(units_ * stride_), shown_ = take(units_ * stride_);
  if (lstm || gru) carried_ = take(units_ * K);
  da_ = terms_, dq_ = state_terms_;
  if (!this->spec.norms.empty()) {
    da_ = take(gates_ * units_ * stride_), dq_ = take(gates_ * units_ * stride_);
    if (lstm) dh_ = take(units_ * K);
  }
  if (recurrent_drop_.threshold) operand_ = take(units_ * stride_), mask_ = take(units_ * K);
}

template <class T>
CellBlock<T> Recurrent<T>::block_at(const Pass<T>& pass, long first) const {
  CellBlock<T> b;
  b.base = pass.training ? this->scratch(pass) + first / kCellRows * size_ : this->work(pass);
  b.first = first;
  b.rows = std::min(kCellRows, pass.rows - first);
  for (long r = 0; r < b.rows; r++) {
    const long length = pass.data->lengths ? pass.data->lengths[pass.source(first + r)] : steps_;
    long slot = r;
    for (; slot > 0 && b.length[slot - 1] < length; slot--)
      b.order[slot] = b.order[slot - 1], b.length[slot] = b.length[slot - 1];
    b.order[slot] = r, b.length[slot] = length;
  }
  b.steps = b.length[0];
  return b;
}

template <class T>
void Recurrent<T>::forward(const Pass<T>& pass, Rows lines, Panels) const {
  const Rows rows{lines.first / steps_, lines.last / steps_};
  if (pass.training) return run_forward(pass, rows);
  for (long r = rows.first; r < rows.last; r += kCellRows) run_forward(pass, {r, std::min(rows.last, r + kCellRows)});
}

template <class T>
void Recurrent<T>::run_forward(const Pass<T>& pass, Rows rows) const {
  const Blocks blocks(*this, pass, rows);
  for (const CellBlock<T>& b : blocks) begin_block(pass, b);
  const long together = gates_ > 1 ? 1 : kTogether;
  for (long s = 0; s < blocks.steps; s++)
    for (long u = 0; u < units_; u += together)
      for (const CellBlock<T>& b : blocks) step_forward(pass, b, s, {u, std::min(units_, u + together)});
  for (const CellBlock<T>& b : blocks) end_states(pass, b);
}

template <class T>
void Recurrent<T>::backward(const Pass<T>& pass, Rows lines, Panels) const {
  const Blocks blocks(*this, pass, {lines.first / steps_, lines.last / steps_});
  for (long s = blocks.steps; s-- > 0;)
    for (long u = 0; u < units_; u += kTogether)
      for (const CellBlock<T>& b : blocks) step_backward(pass, b, s, {u, std::min(units_, u + kTogether)});
  for (const CellBlock<T>& b : blocks) end_backward(pass, b);
}

template <class T>
void Recurrent<T>::begin_block(const Pass<T>& pass, const CellBlock<T>& b) const {
  take_input(pass, b);
  const bool bias = da_ == terms_ && this->spec.bias >= 0;
  product_panels<T>(b.base + x_, stride_, b.steps * kCellRows, this->in_width, pass.weights + w_.offset,
                    this->in_width * P, b.base + da_, stride_, bias ? pass.weights + b_.offset : nullptr, 0,
                    gates_ * units_);
  begin_states(pass, b);
}

template <class T>
void Recurrent<T>::end_backward(const Pass<T>& pass, const CellBlock<T>& b) const {
  clear_idle(b, terms_, gates_ * units_);
  if (state_terms_ != terms_) clear_idle(b, state_terms_, gates_ * units_);
  if (da_ != terms_) clear_idle(b, da_, gates_ * units_), clear_idle(b, dq_, gates_ * units_);
  if (this->wants_input) input_gradient(pass, b);
}

// Copies the rows' steps to where they belong, with zeros where there are none.
template <class T>
void Recurrent<T>::take_input(const Pass<T>& pass, const CellBlock<T>& b) const {
  const RandomKey key = random_key(pass, this->spec.stream);
  const bool drop = pass.training && drop_.threshold;
  const T* in = this->in(pass, b.first * steps_);
  for (long p = 0; p < inputs_; p++)
    for (long slot = 0; slot < kCellRows; slot++) {
      T* to = b.base + x_ + p * stride_ + slot * P;
      const long length = slot < b.rows ? b.length[slot] : 0, row = b.row(slot);
      const T* from = in + p * this->stride(pass) + row * steps_ * P;
      for (int v = 0; v < P; v += kLanes<T>) {
        const Vec<T> scale = drop ? drop_(key, row * this->in_width + p * P + v) : splat(T(1));
        for (long s = 0; s < length; s++) store(to + s * K + v, load(from + place(b, slot, s) * P + v) * scale);
        for (long s = length; s < b.steps; s++) store(to + s * K + v, Vec<T>{});
      }
    }
}

template <class T>
void Recurrent<T>::begin_states(const Pass<T>& pass, const CellBlock<T>& b) const {
  const bool lstm = this->spec.cell == Cell::lstm;
  if (operand_ != h_) begin_mask(pass, b);
  for (long u = 0; u < units_; u++)
    for (long slot = 0; slot < kCellRows; slot++) {
      T *h = b.base + h_ + u * stride_ + slot * P, *c = b.base + c_ + u * stride_ + slot * P;
      std::fill(h, h + P, T(0));
      if (lstm) std::fill(c, c + P, T(0));
      if (has_state(pass) && slot < b.rows) {
        const T* from = pass.data->state + pass.source(b.row(slot)) * pass.data->state_size + this->spec.state + u * P;
        const long count = columns_of<T>(this->out_width, u);
        std::copy(from, from + count, h);
        if (lstm) std::copy(from + this->out_width, from + this->out_width + count, c);
      }
      if (operand_ != h_) std::copy(h, h + P, b.base + operand_ + u * stride_ + slot * P);
    }
}

template <class T>
void Recurrent<T>::begin_mask(const Pass<T>& pass, const CellBlock<T>& b) const {
  const RandomKey key = random_key(pass, this->spec.recurrent_stream);
  for (long u = 0; u < units_; u++)
    for (long slot = 0; slot < kCellRows; slot++)
      for (int v = 0; v < P; v += kLanes<T>)
        store(b.base + mask_ + u * K + slot * P + v,
              pass.training ? recurrent_drop_(key, b.row(slot) * this->out_width + u * P + v) : splat(T(1)));
}

template <class T>
void Recurrent<T>::end_states(const Pass<T>& pass, const CellBlock<T>& b) const {
  clear_idle(b, h_ + K, units_);
  if (operand_ != h_) clear_idle(b, operand_ + K, units_);
  T* out = this->out(pass, first_line(b));
  for (long slot = 0; slot < b.rows; slot++)
    for (long u = 0; u < units_; u++) {
      const long last = u * stride_ + b.length[slot] * K + slot * P;
      T* to = out + u * out_stride(pass) + b.row(slot) * this->out_positions * P;
      if (this->spec.sequences)
        std::fill(to + b.length[slot] * P, to + steps_ * P, T(0));
      else
        std::copy(b.base + h_ + last, b.base + h_ + last + P, to);
      if (!pass.data->state_out) continue;
      const long count = columns_of<T>(this->out_width, u);
      T* state = pass.data->state_out + pass.source(b.row(slot)) * pass.data->state_size + this->spec.state + u * P;
      std::copy(b.base + h_ + last, b.base + h_ + last + count, state);
      if (this->spec.cell == Cell::lstm)
        std::copy(b.base + c_ + last, b.base + c_ + last + count, state + this->out_width);
    }
}

// Zeros for the rows that have no such step, which products over all rows of the block meet.
template <class T>
void Recurrent<T>::clear_idle(const CellBlock<T>& b, long buffer, long count) const {
  if (b.active(b.steps - 1) == kCellRows) return;
  for (long s = 0; s < b.steps; s++)
    for (long n = b.active(s), p = 0; p < count; p++) {
      T* at = b.base + buffer + p * stride_ + s * K;
      std::fill(at + n * P, at + K, T(0));
    }
}

// dx = da W^T of all steps at once, back to where the steps came from.
template <class T>
void Recurrent<T>::input_gradient(const Pass<T>& pass, const CellBlock<T>& b) const {
  const long terms = gates_ * units_ * P;
  T* dx = this->work(pass);
  product_panels<T>(b.base + da_, stride_, b.steps * kCellRows, terms, pass.transposed + w_.transposed, terms * P, dx,
                    stride_, nullptr, 0, inputs_);
  const RandomKey key = random_key(pass, this->spec.stream);
  T* out = this->in_gradient(pass, b.first * steps_);
  for (long p = 0; p < inputs_; p++)
    for (long slot = 0; slot < b.rows; slot++) {
      T* to = out + p * this->stride(pass) + b.row(slot) * steps_ * P;
      const T* from = dx + p * stride_ + slot * P;
      for (int v = 0; v < P; v += kLanes<T>) {
        const Vec<T> scale = drop_.threshold ? drop_(key, b.row(slot) * this->in_width + p * P + v) : splat(T(1));
        for (long s = 0; s < b.length[slot]; s++) store(to + place(b, slot, s) * P + v, load(from + s * K + v) * scale);
        for (long s = b.length[slot]; s < steps_; s++) store(to + s * P + v, Vec<T>{});
      }
    }
}

template <class T>
void Recurrent<T>::add_tasks(int op, long batch, std::vector<Task>& tasks) const {
  if (!trainable_ || !this->owns_weight) return;
  constexpr double update = 80;  // see Dense
  double lines = static_cast<double>(batch * steps_);
  for (const Op<T>* other : this->partners) lines += static_cast<double>(batch * cast(other).steps_);
  for (long o = 0; o < gates_ * units_; o += kTaskOutputs)
    for (long i = 0; i < inputs_ + units_; i++) {
      const Panels outputs{o, std::min(gates_ * units_, o + kTaskOutputs)};
      const long columns = i < inputs_ ? columns_of<T>(this->in_width, i) : columns_of<T>(this->out_width, i - inputs_);
      const auto width = static_cast<double>((outputs.last - o) * P);
      tasks.push_back({op, {i, i + 1}, outputs, width * (static_cast<double>(columns) * (lines + update) + lines)});
    }
}

template <class T>
void Recurrent<T>::update(const Pass<T>& pass, const Task& task, Update<T>& update) const {
  const long i = task.inputs.first;
  const bool state = i >= inputs_;
  for (long o = task.outputs.first; o < task.outputs.last; o += kTilePanels)
    with_constant<kTilePanels>(std::min<long>(kTilePanels, task.outputs.last - o), [&](auto n) {
      constexpr int N = decltype(n)::value;
      update_block<N>(pass, state, state ? i - inputs_ : i, o, update);
    });
  if (i == 0 && this->spec.bias >= 0)
    update_bias(pass, false, b_.offset + task.outputs.first * P, task.outputs, update);
  if (i == inputs_ && this->spec.recurrent_bias >= 0 && task.outputs.first == 0)
    update_bias(pass, true, rb_.offset, {0, units_}, update);
}

// Panel i of the rows of a matrix by N of its panels of columns from o: the sum over all lines of a^T d.
template <class T>
template <int N>
void Recurrent<T>::update_block(const Pass<T>& pass, bool state, long i, long o, Update<T>& update) const {
  alignas(64) T scratch[N * P * P];
  const Matrix m = state ? state_matrix() : input_matrix();
  const bool transposed = m.place.transposed >= 0 && (state || this->keeps_transposed);
  const long count = columns_of<T>(m.rows, i), panel = m.rows * P, offset = m.place.offset + o * panel + i * P * P;
  T* g = update.gradient(offset, scratch);
  const long apart = g == scratch ? P * P : panel;
  if (update.computes()) {
    add_use<N>(pass, m, i, o, g, apart, false);
    for (const Op<T>* other : this->partners) {
      const Recurrent& r = cast(other);
      r.template add_use<N>(pass, state ? r.state_matrix() : r.input_matrix(), i, o, g, apart, true);
    }
    for (long n = 0; state && masked_.active() && n < N; n++) masked_.mask(pass, 0, i, o + n, g + n * apart);
  }
  for (long n = 0; n < N; n++) {
    update.commit(m.id, offset + n * panel, g + n * apart, count * P);
    if (transposed && update.applies())
      update.transpose(offset + n * panel, count,
                       update.transposed() + m.place.transposed + (i * gates_ * units_ * P + (o + n) * P) * P);
  }
}

// What this place of the layer gives that block, stored or added.
template <class T>
template <int N>
void Recurrent<T>::add_use(const Pass<T>& pass, const Matrix& m, long i, long o, T* g, long apart, bool added) const {
  const long count = columns_of<T>(m.rows, i);
  for (long first = 0; first < pass.rows; first += kCellRows) {
    const CellBlock<T> b = block_at(pass, first);
    const T *left = b.base + m.a + i * stride_, *right = b.base + m.d + o * stride_;
    const long lines = b.steps * kCellRows;
    for (long k = 0; k < lines; k += kRowTermBlock)
      split_rows<kTileRows<T, N>>(count, [&](auto r, long at) {
        const long some = std::min(kRowTermBlock, lines - k);
        outer_tile<T, decltype(r)::value, N>({left + k * P + at, 0}, {right + k * P, 0}, stride_, some, some,
                                             g + at * P, apart, first == 0 && k == 0 && !added);
      });
  }
}

// The sums over all lines of the gradients of the terms, for b, or of the last gate's state terms, for b'.
template <class T>
void Recurrent<T>::update_bias(const Pass<T>& pass, bool state, long offset, Panels outputs, Update<T>& update) const {
  const long apart = state ? gates_ : 1;
  const int id = state ? this->spec.recurrent_bias : this->spec.bias;
  for (long o = outputs.first; o < outputs.last; o += kTaskOutputs)
    with_constant<kTaskOutputs>(std::min(kTaskOutputs, outputs.last - o), [&](auto n) {
      constexpr int N = decltype(n)::value;
      alignas(64) T scratch[N * P];
      const long from = offset + (o - outputs.first) * P;
      T* g = update.gradient(from, scratch);
      const auto add_use = [&](const Recurrent& op) {
        const long place = state ? op.state_terms_ + (gates_ - 1) * op.stride_ : op.terms_;
        for (long first = 0; first < pass.rows; first += kCellRows) {
          const CellBlock<T> b = op.block_at(pass, first);
          add_lines<T, N>(b.base + place + o * apart * op.stride_, apart * op.stride_, b.steps * kCellRows, g);
        }
      };
      if (update.computes()) {
        std::fill(g, g + N * P, T(0));
        add_use(*this);
        for (const Op<T>* other : this->partners) add_use(cast(other));
      }
      update.commit(id, from, g, N * P);
    });
}

template class Recurrent<float>;
template class Recurrent<double>;

}  // namespace descend
