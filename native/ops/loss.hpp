// What all losses share: their block sums, weights and targets.
//
// l_i is the mean over outputs (the sum over classes for cross-entropy); the batch loss is scale sum w_i l_i / sum w_i.
// Block sums of w_i l_i go to the op's scratch, in double, for whoever adds them in order.
#pragma once

#include "ops/label_noise.hpp"
#include "ops/mix.hpp"
#include "ops/ops.hpp"

namespace descend {

template <class T>
class Loss : public Op<T> {
 public:
  // `mix`: the op that mixed the rows, or null.
  Loss(const LossSpec& l, const PlanSpec& plan, const Mix<T>* mix)
      : Op<T>({OpKind::softmax, l.prediction, l.prediction}, plan), spec_(l), noise_(l), mix_(mix) {}

  bool by_row() const override { return true; }
  bool keeps_input() const override { return true; }

  // A double per block of rows, after which a row of class probabilities.
  long scratch_size(long blocks, int) const override {
    return padded<T>(blocks * static_cast<long>(sizeof(double) / sizeof(T)));
  }

 protected:
  double* block_losses(const Pass<T>& pass) const { return reinterpret_cast<double*>(this->scratch(pass)); }

  double weight(const Pass<T>& pass, long source) const {
    return pass.data->weight ? static_cast<double>(pass.data->weight[source]) : 1.0;
  }

  // Calls row(line, line of the data, w / sum w), which returns the line's loss, and keeps the block sums;
  // prepare(first, last) comes before each kRowBlock lines or less. A row's loss is the mean over its lines, or, where
  // rows have lengths of their own, over so many of them.
  template <class Prepare, class Row>
  void each_row(const Pass<T>& pass, Rows rows, Prepare&& prepare, Row&& row) const {
    const long q = this->in_positions, block = this->block_lines(pass);
    const double share = pass.weight_sum != 0 ? spec_.scale / pass.weight_sum : 0;
    for (long begin = rows.first; begin < rows.last; begin += block) {
      const long end = std::min(rows.last, begin + block);
      double sum = 0;
      for (long first = begin; first < end; first += kRowBlock) {
        const long last = std::min(end, first + kRowBlock);
        for (long r = first; r < last; r++) ask_for_target(pass, r);
        prepare(first, last);
        for (long r = first; r < last; r++) {
          const auto [of, step] = place_of(r);
          const long source = pass.source(of);
          const long lines = pass.data->lengths && q > 1 ? pass.data->lengths[source] : q;
          const double part = q == 1 ? 1 : 1 / static_cast<double>(lines);
          const double w = step < lines ? weight(pass, source) * part : 0;
          const T l = row(r, source * q + step, static_cast<T>(w * share));
          if (w != 0) sum += w * static_cast<double>(l);
        }
      }
      block_losses(pass)[begin / block] = sum;
    }
  }

  // The row of a line, and which of its lines it is. Most rows are one line, and dividing takes long.
  struct Place {
    long row, step;
  };
  Place place_of(long line) const {
    const long q = this->in_positions;
    return q == 1 ? Place{line, 0} : Place{line / q, line % q};
  }

  // Of a line: its place in the data, the line its row was mixed with, and what the row has kept of itself.
  long data_line(const Pass<T>& pass, long line) const {
    const auto [row, step] = place_of(line);
    return pass.source(row) * this->in_positions + step;
  }
  long partner(const Pass<T>& pass, long line) const {
    const auto [row, step] = place_of(line);
    return mix_->partner(pass, row) * this->in_positions + step;
  }
  T share(const Pass<T>& pass, long line) const { return mix_->share(pass, line / this->in_positions); }

  // Rows come in random order: where their targets begin is asked for before they are needed.
  void ask_for_target(const Pass<T>& pass, long line) const {
    const long at = data_line(pass, line);
    if (spec_.index_target)
      __builtin_prefetch(pass.data->classes + at * std::max(1L, static_cast<long>(spec_.groups.size())));
    else
      __builtin_prefetch(pass.data->y + at * this->in_width);
  }

  LossSpec spec_;
  LabelNoise<T> noise_;
  const Mix<T>* mix_;
};

// Categorical cross-entropy, of groups of classes beside each other where the loss has some.
template <class T>
std::unique_ptr<Op<T>> make_categorical(const LossSpec&, const PlanSpec&, const Mix<T>* mix);

}  // namespace descend
