// y = gamma (x - mean) / sqrt(var + eps) + beta per column, over the batch's rows and positions in training. A batch of
// one line has no variance: it is normalized by the running statistics and leaves them alone. Frozen statistics are
// frozen_batch_norm.cpp's. Of rows with lengths of their own the lines behind them do not count, and get no gradient.
//
// Mean and variance come from sums and centred squares per block of rows, combined in order of the blocks, which keeps
// them accurate for columns far from zero. Every thread combines all blocks for itself: no second meeting of threads.
#pragma once

#include "ops/ops.hpp"
#include "ops/update.hpp"

namespace descend {

template <class T>
class BatchNorm : public Op<T> {
 public:
  BatchNorm(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : Op<T>(s, plan),
        width_(padded<T>(this->in_width)),
        mean_(placement[static_cast<std::size_t>(s.running_mean)]),
        variance_(placement[static_cast<std::size_t>(s.running_variance)]) {
    if (s.weight >= 0) gamma_ = placement[static_cast<std::size_t>(s.weight)].offset;
    if (s.bias >= 0) beta_ = placement[static_cast<std::size_t>(s.bias)].offset;
    trainable_ = plan.trains(s.weight) || plan.trains(s.bias);
  }

  bool reduces() const override { return true; }
  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }

  // Shared: two sums per block of rows, forward and backward apart, since a thread may be at the backward sums while
  // another still reads the forward ones. Per thread: mean, 1/sd, variance, the two totals of the gradient and, first
  // in a last piece, the number of lines.
  long scratch_size(long blocks, int threads) const override { return width_ * (4 * blocks + kOwn * threads); }

  void forward_sums(const Pass<T>& pass, Rows rows, Panels p) const override {
    each_block(pass, rows, p, this->in(pass, rows.first), false, [&](const T* x, auto n, T* sums, const auto& each) {
      Chains s, m2;
      each(n, [&](long r, long k) { s.at(k) += load(x + r * kPanel<T>); });
      const Vec<T> sum = s.total(), mean = sum / static_cast<T>(n);
      each(n, [&](long r, long k) {
        const Vec<T> d = load(x + r * kPanel<T>) - mean;
        m2.at(k) = fma<T>(d, d, m2.at(k));
      });
      store(sums, sum);
      store(sums + width_, m2.total());
    });
  }

  void forward_totals(const Pass<T>& pass, long) const override {
    const T n = static_cast<T>(lines_of(pass, {0, pass.rows}));
    T* own = own_scratch(pass);
    own[5 * width_] = n;
    const auto count_of = [&](long b) {
      return static_cast<T>(lines_of(pass, {b * pass.row_block, std::min(pass.rows, (b + 1) * pass.row_block)}));
    };
    for (long c = 0; c < width_; c += kLanes<T>) {
      Vec<T> sum{}, m2{};
      for (long b = 0; b < pass.row_blocks(); b++) sum += load(sums_of(pass, b, false) + c);
      const Vec<T> mean = sum / n;
      for (long b = 0; b < pass.row_blocks(); b++) {
        const T count = count_of(b);
        const Vec<T> d = load(sums_of(pass, b, false) + c) / count - mean;
        m2 += fma<T>(d * d, splat(count), load(sums_of(pass, b, false) + width_ + c));
      }
      const Vec<T> variance = m2 / n;
      store(own + c, mean);
      store(own + width_ + c, T(1) / sqrt<T>(variance + static_cast<T>(this->spec.epsilon)));
      store(own + 2 * width_ + c, variance);
    }
  }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    forward_then(pass, rows, p, [](Vec<T> y, long, long) { return y; });
  }

  void backward_sums(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* dy = this->out_gradient(pass, rows.first);
    backward_sums_of(pass, rows, p, [&](long o) { return load(dy + o); });
  }

  void backward_totals(const Pass<T>& pass, long) const override {
    T* own = own_scratch(pass) + 3 * width_;
    for (long c = 0; c < width_; c += kLanes<T>) {
      Vec<T> a{}, b{};
      for (long k = 0; k < pass.row_blocks(); k++) {
        a += load(sums_of(pass, k, true) + c);
        b += load(sums_of(pass, k, true) + width_ + c);
      }
      store(own + c, a);
      store(own + width_ + c, b);
    }
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* dy = this->out_gradient(pass, rows.first);
    backward_of(pass, rows, p, [&](long o) { return load(dy + o); });
  }

  void add_tasks(int op, long /*batch*/, std::vector<Task>& tasks) const override {
    if (this->owns_statistics)
      tasks.push_back({op, {0, panels<T>(this->in_width)}, {0, 0}, static_cast<double>(width_) * 320});
  }

  void update(const Pass<T>& pass, const Task&, Update<T>& update) const override {
    piece(pass, update, this->spec.weight, gamma_, 4 * width_);
    piece(pass, update, this->spec.bias, beta_, 3 * width_);
    if (!update.moves_statistics() || !of_batch(pass)) return;
    move_statistics(pass, update);
    // Those who share them move them one after the other.
    for (const Op<T>* other : this->partners) static_cast<const BatchNorm*>(other)->move_statistics(pass, update);
  }

 protected:
  static constexpr int kOwn = 6;

  // A sum over the rows of a block as four chains, so that one addition does not wait for the one before.
  struct Chains {
    Vec<T> part[4] = {};
    Vec<T>& at(long r) { return part[r % 4]; }
    Vec<T> total() const { return (part[0] + part[1]) + (part[2] + part[3]); }
  };

  struct Statistics {
    Vec<T> mean, inverse, gamma;
  };

  // The gradient of an input from that of the output, dy, and the normalized input. What dy changes through the batch's
  // mean and variance is taken off; running ones do not depend on it.
  struct Change {
    Vec<T> scale, a, b;
    Vec<T> of(Vec<T> dy, Vec<T> normal) const { return scale * (dy - fma<T>(normal, b, a)); }
  };

  // Whether the statistics are the batch's.
  bool of_batch(const Pass<T>& pass) const { return pass.training && own_scratch(pass)[5 * width_] > 1; }

  bool varied(const Pass<T>& pass) const { return pass.data->lengths && this->in_positions > 1; }

  // A vector of columns of a line, normalized (x), scaled and shifted (y).
  struct Normal {
    Vec<T> mean, inverse, gamma, beta;
    struct Values {
      Vec<T> x, y;
    };

    Normal(const BatchNorm& op, const Pass<T>& pass, long c) : beta(op.beta(pass, c)) {
      const Statistics s = op.statistics(pass, c);
      mean = s.mean, inverse = s.inverse, gamma = s.gamma;
    }
    Values operator()(Vec<T> line) const {
      const Vec<T> x = (line - mean) * inverse;
      return {x, fma<T>(x, gamma, beta)};
    }
  };

  // The passes over rows, for ops that go on from the normalized values at once. after(y, line, column) gives what is
  // stored of a vector at that column, gradient(o) the gradient of y that lies o numbers behind the output of
  // `rows.first`.
  template <class After>
  void forward_then(const Pass<T>& pass, Rows rows, Panels p, After&& after) const {
    each_vector(p, [&](long c, long panel) {
      const Normal normal(*this, pass, c);
      const T* x = this->in(pass, rows.first) + panel * this->stride(pass) + c % kPanel<T>;
      T* y = this->out(pass, rows.first) + panel * this->stride(pass) + c % kPanel<T>;
      for (long r = rows.first; r < rows.last; r++)
        store(y + r * kPanel<T>, after(normal(load(x + r * kPanel<T>)).y, r, c));
    });
  }

  template <class Gradient>
  void backward_sums_of(const Pass<T>& pass, Rows rows, Panels p, Gradient&& gradient) const {
    const T* input = this->in(pass, rows.first);
    each_block(pass, rows, p, input, true, [&](const T* x, auto n, T* sums, const auto& each) {
      const long c = (sums - pass.arena->scratch[this->index]) % width_, from = x - input;
      const Statistics s = statistics(pass, c);
      Chains a, b;
      each(n, [&](long r, long k) {
        const Vec<T> g = gradient(from + r * kPanel<T>);
        a.at(k) += g;
        b.at(k) = fma<T>(g, (load(x + r * kPanel<T>) - s.mean) * s.inverse, b.at(k));
      });
      store(sums, a.total());
      store(sums + width_, b.total());
    });
  }

  template <class Gradient>
  void backward_of(const Pass<T>& pass, Rows rows, Panels p, Gradient&& gradient) const {
    each_vector(p, [&](long c, long panel) {
      const Statistics s = statistics(pass, c);
      const Change change = this->change(pass, c);
      const long from = panel * this->stride(pass) + c % kPanel<T>;
      const T* x = this->in(pass, rows.first);
      T* dx = this->in_gradient(pass, rows.first);
      for (long o = from + rows.first * kPanel<T>; o < from + rows.last * kPanel<T>; o += kPanel<T>)
        store(dx + o, change.of(gradient(o), (load(x + o) - s.mean) * s.inverse));
      if (!varied(pass)) return;
      for (long r = rows.first / this->in_positions; r < rows.last / this->in_positions; r++)
        for (long l = pass.lines_of(r, this->in_positions); l < this->in_positions; l++)
          store(dx + from + (r * this->in_positions + l) * kPanel<T>, Vec<T>{});
    });
  }

  // How many lines of some rows count.
  long lines_of(const Pass<T>& pass, Rows rows) const {
    if (!varied(pass)) return rows.count() * this->in_positions;
    long sum = 0;
    for (long r = rows.first; r < rows.last; r++) sum += pass.lines_of(r, this->in_positions);
    return sum;
  }

  Statistics statistics(const Pass<T>& pass, long c) const {
    const Vec<T> gamma = gamma_ >= 0 ? load(pass.weights + gamma_ + c) : splat(T(1));
    if (of_batch(pass)) return {load(own_scratch(pass) + c), load(own_scratch(pass) + width_ + c), gamma};
    const Vec<T> variance = load(pass.weights + variance_.offset + c);
    return {load(pass.weights + mean_.offset + c), T(1) / sqrt<T>(variance + static_cast<T>(this->spec.epsilon)),
            gamma};
  }

  Vec<T> beta(const Pass<T>& pass, long c) const { return beta_ >= 0 ? load(pass.weights + beta_ + c) : Vec<T>{}; }

  Change change(const Pass<T>& pass, long c) const {
    const Statistics s = statistics(pass, c);
    const T* own = own_scratch(pass) + 3 * width_;
    const T n = own[2 * width_];
    if (!of_batch(pass)) return {s.gamma * s.inverse, Vec<T>{}, Vec<T>{}};
    return {s.gamma * s.inverse, load(own + c) / n, load(own + width_ + c) / n};
  }

  // (2, width) sums of block b.
  T* sums_of(const Pass<T>& pass, long b, bool backward) const {
    return this->scratch(pass) + 2 * width_ * (2 * b + backward);
  }

  T* own_scratch(const Pass<T>& pass) const {
    return this->scratch(pass) + width_ * (4 * pass.arena->blocks + kOwn * pass.thread);
  }

  // Calls body(first number, lines that count, sums, each) for each block of rows and vector of columns of `values`;
  // each(lines, visit) calls visit(line of the block, how many came before) for those that count.
  template <class Body>
  void each_block(const Pass<T>& pass, Rows rows, Panels p, const T* values, bool backward, Body&& body) const {
    const long block = this->block_lines(pass), positions = this->in_positions;
    const auto in_order = [](auto n, auto&& visit) {
      for (long r = 0; r < n; r++) visit(r, r);
    };
    for (long first = rows.first; first < rows.last; first += block) {
      const long last = std::min(rows.last, first + block);
      const auto of_own = [&](long, auto&& visit) {
        for (long r = first / positions, k = 0; r < last / positions; r++)
          for (long l = 0; l < pass.lines_of(r, positions); l++) visit(r * positions + l - first, k++);
      };
      const long count = lines_of(pass, {first / positions, last / positions});
      each_vector(p, [&](long c, long panel) {
        const T* from = values + panel * this->stride(pass) + first * kPanel<T> + c % kPanel<T>;
        T* to = sums_of(pass, first / block, backward) + c;
        if (varied(pass))
          body(from, count, to, of_own);
        else if (count == kRowBlock && block == kRowBlock)
          body(from, std::integral_constant<long, kRowBlock>{}, to, in_order);  // unrolled
        else
          body(from, count, to, in_order);
      });
    }
  }

  // Calls body(column, its panel) for each vector of the panels.
  template <class Body>
  static void each_vector(Panels p, Body&& body) {
    for (long c = p.first * kPanel<T>; c < p.last * kPanel<T>; c += kLanes<T>) body(c, c / kPanel<T>);
  }

  void move_statistics(const Pass<T>& pass, Update<T>& update) const {
    const T* own = own_scratch(pass);
    const T keep = static_cast<T>(this->spec.momentum), take = static_cast<T>(1 - this->spec.momentum);
    for (long c = 0; c < width_; c += kLanes<T>) {
      update.average(mean_.offset + c, keep, load(own + c) * take);
      update.average(variance_.offset + c, keep, load(own + 2 * width_ + c) * take);
    }
  }

  // Commits the gradient of one parameter: the totals that lie at `from` in the own scratch of each op that uses it.
  void piece(const Pass<T>& pass, Update<T>& update, int id, long offset, long from) const {
    if (id < 0) return;
    constexpr long most = 8 * kPanel<T>;
    alignas(64) T scratch[most];
    for (long c = 0; c < width_; c += most) {
      const long count = std::min(most, width_ - c);
      T* g = update.gradient(offset + c, scratch);
      if (update.computes()) {
        const T* total = own_scratch(pass) + from + c;
        std::copy(total, total + count, g);
        for (const Op<T>* other : this->partners) {
          total = static_cast<const BatchNorm*>(other)->own_scratch(pass) + from + c;
          for (long i = 0; i < count; i++) g[i] += total[i];
        }
      }
      update.commit(id, offset + c, g, count);
    }
  }

  long width_;  // padded
  Placement mean_, variance_;
  long gamma_ = -1, beta_ = -1;
  bool trainable_;
};

}  // namespace descend
