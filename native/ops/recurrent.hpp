// What recurrent layers do apart from their cells' steps: the memory of the rows, the terms of the input and the
// gradients of the weights. See cell_steps.hpp for the steps.
//
// Rows come in blocks of kCellRows, whose numbers lie step by step: a buffer of a block is (panels, steps, rows, P), so
// the input's term of all steps is one product, every step's product reads rows that lie side by side, and the weight
// gradients read all steps of a panel in one piece. A thread carries its blocks through all steps together; rows never
// meet. The columns of the weights lie unit panel by unit panel, the gates of a panel side by side (see Placement), so
// the terms of all gates are in the first-level cache when they become the new state.
//
// In a block the rows stand by falling length, so that those which still have a step are the first ones.
//
// Weight gradients are summed block by block, within a block in blocks of kRowTermBlock lines, step by step and row by
// row within a step.
#pragma once

#include "ops/masked_weights.hpp"
#include "ops/ops.hpp"
#include "ops/update.hpp"

namespace descend {

// Some rows of the batch and their buffers.
template <class T>
struct CellBlock {
  T* base = nullptr;
  long first = 0, rows = 0, steps = 0;                 // steps: of the longest row
  long order[kCellRows] = {}, length[kCellRows] = {};  // rows by falling length, and theirs

  // How many rows have a step s: the first ones of `order`.
  long active(long s) const {
    long n = 0;
    while (n < rows && length[n] > s) n++;
    return n;
  }
  long row(long slot) const { return first + order[slot]; }
};

// Masks of inverted dropout, see Dropout.
template <class T>
struct CellMask {
  uint64_t threshold;
  T scale;

  explicit CellMask(double rate)
      : threshold(static_cast<uint64_t>(rate * 4294967296.0)), scale(static_cast<T>(1 / (1 - rate))) {}

  Vec<T> operator()(const RandomKey& key, long element) const {
    using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    return random_bits<T>(key, static_cast<uint32_t>(element)) >= static_cast<U>(threshold) ? splat(scale) : Vec<T>{};
  }
};

template <class T>
class Recurrent : public Op<T> {
 public:
  Recurrent(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement);

  bool by_panel() const override { return false; }
  bool by_row() const override { return true; }
  bool in_place() const override { return false; }
  bool trainable() const override { return trainable_; }
  double multiply_adds() const override {
    return static_cast<double>(steps_ * (this->in_width + this->out_width) * gates_ * this->out_width);
  }
  // Training keeps all blocks; the gradient of the input is made in a thread's own memory, as is what inference needs.
  long scratch_size(long blocks, int /*threads*/) const override { return blocks * size_ + masked_.size(); }
  long work_size(bool training) const override { return training ? inputs_ * stride_ : size_; }

  bool prepares() const override { return masked_.active(); }
  void prepare(const Pass<T>& pass) const override {
    masked_.prepare(pass, pass.weights + u_.offset, kept_memory(pass));
  }

  void forward(const Pass<T>& pass, Rows lines, Panels) const override;
  void backward(const Pass<T>& pass, Rows lines, Panels) const override;
  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override;
  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override;

 protected:
  static constexpr int P = kPanel<T>;
  static constexpr long K = kCellRows * P;  // numbers of one panel in one step of a block
  static constexpr long kTogether = 4;      // panels of a step's product that are made together

  // One step of a block for some panels of units: the new states; and, from the gradient of the new state, those of the
  // step's terms and of the states before.
  virtual void step_forward(const Pass<T>&, const CellBlock<T>&, long s, Panels units) const = 0;
  virtual void step_backward(const Pass<T>&, const CellBlock<T>&, long s, Panels units) const = 0;

  // The blocks of some rows; `steps` is the longest row's.
  struct Blocks {
    CellBlock<T> block[kRowTermBlock / kCellRows];
    long count = 0, steps = 0;

    Blocks(const Recurrent& op, const Pass<T>& pass, Rows rows) {
      for (long r = rows.first; r < rows.last; r += kCellRows) {
        block[count] = op.block_at(pass, r);
        steps = std::max(steps, block[count++].steps);
      }
    }
    const CellBlock<T>* begin() const { return block; }
    const CellBlock<T>* end() const { return block + count; }
  };
  CellBlock<T> block_at(const Pass<T>& pass, long first) const;

  // Before the first step of a block and after its last; and after the first one backward.
  void begin_block(const Pass<T>& pass, const CellBlock<T>& b) const;
  void end_states(const Pass<T>& pass, const CellBlock<T>& b) const;
  void end_backward(const Pass<T>& pass, const CellBlock<T>& b) const;

  // Where a row's step lies in the output, or in its gradient, that begins at `from` (see from_block).
  T* output(T* from, const CellBlock<T>& b, long slot, long s) const {
    return from + (b.row(slot) * this->out_positions + (this->spec.sequences ? place(b, slot, s) : 0)) * P;
  }
  long first_line(const CellBlock<T>& b) const { return b.first * this->out_positions; }
  long out_stride(const Pass<T>& pass) const { return pass.arena->stride(this->out_positions); }
  // U and its transpose as the products take them.
  const T* recurrent_weights(const Pass<T>& pass) const {
    return pass.training && masked_.active() ? masked_.weights(kept_memory(pass)) : pass.weights + u_.offset;
  }
  const T* recurrent_transposed(const Pass<T>& pass) const {
    return masked_.active() ? masked_.transposed(kept_memory(pass)) : pass.transposed + u_.transposed;
  }
  bool has_state(const Pass<T>& pass) const { return !pass.training && pass.data->state; }

  long gates_, steps_, inputs_, units_;  // inputs_ and units_: panels
  long stride_;                          // numbers of a panel: steps + 1 of them, made odd
  Placement w_, u_, b_, rb_;
  CellMask<T> drop_, recurrent_drop_;
  MaskedWeights<T> masked_;  // U
  bool trainable_;

  // Where a block has what, each (panels, steps, rows, P) and from slot s on the states after s steps: the input; the
  // input's terms, then what the cell keeps, then the terms' gradients; the same of the state's terms where they
  // differ; h, and h as the product reads it; c and tanh c. And x W and h U, then their gradients: the terms', unless
  // these are normalized.
  long x_ = 0, terms_ = 0, state_terms_ = 0, h_ = 0, operand_ = 0, c_ = 0, shown_ = 0, da_ = 0, dq_ = 0;
  long carried_ = 0, dh_ = 0,
       mask_ = 0;  // (panels, rows, P): the gradient that passes the terms by; the mask on the state
  long size_ = 0;  // numbers of a block

 private:
  void lay_out();
  T* kept_memory(const Pass<T>& pass) const { return this->scratch(pass) + pass.arena->blocks * size_; }
  // The step of the row at which step s stands.
  long place(const CellBlock<T>& b, long slot, long s) const { return this->spec.reverse ? b.length[slot] - 1 - s : s; }
  void run_forward(const Pass<T>& pass, Rows rows) const;
  void take_input(const Pass<T>& pass, const CellBlock<T>& b) const;
  void begin_states(const Pass<T>& pass, const CellBlock<T>& b) const;
  void begin_mask(const Pass<T>& pass, const CellBlock<T>& b) const;
  void clear_idle(const CellBlock<T>& b, long buffer, long count) const;
  void input_gradient(const Pass<T>& pass, const CellBlock<T>& b) const;
  // One of the two matrices: its rows, and where blocks keep what is multiplied.
  struct Matrix {
    const Placement& place;
    int id;
    long rows, a, d;
  };
  Matrix input_matrix() const { return {w_, this->spec.weight, this->in_width, x_, da_}; }
  Matrix state_matrix() const { return {u_, this->spec.recurrent, this->out_width, operand_, dq_}; }
  static const Recurrent& cast(const Op<T>* other) { return *static_cast<const Recurrent*>(other); }

  template <int N>
  void update_block(const Pass<T>& pass, bool state, long i, long o, Update<T>& update) const;
  template <int N>
  void add_use(const Pass<T>& pass, const Matrix& m, long i, long o, T* g, long apart, bool added) const;
  void update_bias(const Pass<T>& pass, bool state, long offset, Panels outputs, Update<T>& update) const;
};

}  // namespace descend
