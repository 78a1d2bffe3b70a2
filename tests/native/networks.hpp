// Networks and data for the tests, drawn from the engine's own random numbers so that they are the same everywhere.
#pragma once

#include <cmath>
#include <vector>

#include "runtime/model.hpp"

namespace networks {

using namespace descend;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  // Uniform in [-1, 1).
  double operator()() {
    state_ = splitmix64(state_);
    return static_cast<double>(state_ >> 11) / 4503599627370496.0 - 1.0;
  }

 private:
  uint64_t state_;
};

class Builder {
 public:
  explicit Builder(long width) {
    plan_.widths.push_back(width);
    plan_.positions.push_back(1);
  }

  Builder& dense(long units, bool bias = true, double l2 = 0) {
    OpSpec s = op(OpKind::dense, units);
    s.weight = parameter(plan_.widths[static_cast<std::size_t>(s.input)], units, true, l2);
    if (bias) s.bias = parameter(1, units, false);
    return add(s);
  }
  Builder& batch_norm() {
    OpSpec s = op(OpKind::batch_norm, plan_.widths.back());
    s.weight = parameter(1, plan_.widths.back(), false);
    s.bias = parameter(1, plan_.widths.back(), false);
    s.running_mean = parameter(1, plan_.widths.back(), false, 0, false);
    s.running_variance = parameter(1, plan_.widths.back(), false, 0, false);
    s.momentum = 0.9;
    s.epsilon = 1e-5;
    return add(s);
  }
  Builder& activation(Function f, double alpha = 0) {
    OpSpec s = op(OpKind::activation, plan_.widths.back());
    s.function = f;
    s.alpha = alpha;
    return add(s);
  }
  Builder& prelu() {
    OpSpec s = op(OpKind::prelu, plan_.widths.back());
    s.weight = parameter(1, plan_.widths.back(), false);
    return add(s);
  }
  Builder& softmax() { return add(op(OpKind::softmax, plan_.widths.back())); }
  Builder& dropout(double rate) {
    OpSpec s = op(OpKind::dropout, plan_.widths.back());
    s.rate = rate;
    s.stream = streams_++;
    return add(s);
  }
  Builder& layer_norm() {
    OpSpec s = op(OpKind::layer_norm, plan_.widths.back());
    s.weight = parameter(1, plan_.widths.back(), false);
    s.bias = parameter(1, plan_.widths.back(), false);
    s.epsilon = 1e-5;
    return add(s);
  }
  Builder& noise(double deviation) {
    OpSpec s = op(OpKind::gaussian_noise, plan_.widths.back());
    s.deviation = deviation;
    s.stream = streams_++;
    return add(s);
  }
  // The same numbers as so many pixels, or with 1 as a row of features again.
  Builder& pixels(long positions) {
    const long size = plan_.widths.back() * plan_.positions.back();
    positions_ = positions;
    return add(op(OpKind::reshape, size / positions));
  }
  Builder& warp(const WarpSpec& warp, double fill_value = 0) {
    OpSpec s = op(OpKind::warp, plan_.widths.back());
    s.warp = warp;
    s.fill_value = fill_value;
    s.stream = streams_++;
    positions_ = warp.grid_height * warp.grid_width;
    return add(s);
  }
  Builder& adjust(const AdjustSpec& adjust) {
    OpSpec s = op(OpKind::adjust, plan_.widths.back());
    s.adjust = adjust;
    s.stream = streams_++;
    return add(s);
  }
  Builder& erase(const EraseSpec& erase) {
    OpSpec s = op(OpKind::erase, plan_.widths.back());
    s.erase = erase;
    s.rate = 0.8;
    s.stream = streams_++;
    return add(s);
  }
  // z = x W^T + b with the weight of the dense op or embedding that wrote `other`.
  Builder& tied(int other) {
    int weight = -1;
    for (const OpSpec& o : plan_.ops)
      if (o.output == other) weight = o.weight;
    OpSpec s = op(OpKind::dense, plan_.parameters[static_cast<std::size_t>(weight)].rows);
    s.weight = weight;
    s.bias = parameter(1, plan_.parameters[static_cast<std::size_t>(weight)].rows, false);
    s.transposed = true;
    return add(s);
  }
  // The op that wrote `other` once more, on the last value.
  Builder& again(int other) {
    for (const OpSpec& o : std::vector<OpSpec>(plan_.ops))
      if (o.output == other) {
        OpSpec s = o;
        s.input = last();
        s.output = last() + 1;
        out_ = width(other);
        add(s);
      }
    return *this;
  }
  // The first columns are categories, each with so many levels of its own.
  Builder& embedding(long columns, long levels, long units) {
    OpSpec s = op(OpKind::embedding, columns * units + plan_.widths.front() - columns);
    s.weight = parameter(columns * levels, units, true, 1e-3);
    for (long c = 0; c < columns; c++) s.categories.push_back({c, c * levels, levels, c});
    return add(s);
  }
  // The value that the next op reads first, and the one that the last op wrote.
  Builder& from(int value) {
    next_ = value;
    return *this;
  }
  int last() const { return static_cast<int>(plan_.widths.size()) - 1; }
  Builder& sum(int other) { return join(OpKind::add, other, 0); }
  Builder& concatenate(int other) { return join(OpKind::concatenate, other, width(other)); }
  // Of the dense layer before.
  Builder& max_norm(double limit) {
    plan_.parameters[static_cast<std::size_t>(plan_.ops.back().weight)].max_norm = limit;
    return *this;
  }
  PlanSpec loss(LossKind kind, Link link = Link::identity, double parameter = 0.5) {
    plan_.input = 0;
    plan_.output = static_cast<int>(plan_.widths.size()) - 1;
    plan_.has_loss = true;
    plan_.loss = {kind, link, plan_.output, parameter, 0, kind == LossKind::cce};
    return plan_;
  }
  long size() const { return size_; }

 private:
  OpSpec op(OpKind kind, long width) {
    OpSpec s;
    s.kind = kind;
    s.input = next_ < 0 ? last() : next_;
    s.output = last() + 1;
    next_ = -1;
    out_ = width;
    return s;
  }
  Builder& join(OpKind kind, int other, long more) {
    OpSpec s = op(kind, plan_.widths.back() + more);
    s.further = {other};
    return add(s);
  }
  long width(int value) const { return plan_.widths[static_cast<std::size_t>(value)]; }
  Builder& add(const OpSpec& s) {
    plan_.widths.push_back(out_);
    plan_.positions.push_back(positions_);
    plan_.ops.push_back(s);
    return *this;
  }
  int parameter(long rows, long columns, bool regularized, double l2 = 0, bool trainable = true) {
    plan_.parameters.push_back({size_, rows, columns, trainable, regularized, 0, l2});
    size_ += rows * columns;
    return static_cast<int>(plan_.parameters.size()) - 1;
  }

  PlanSpec plan_;
  long size_ = 0, out_ = 0, positions_ = 1;
  int next_ = -1;
  uint64_t streams_ = 0;
};

inline PlanSpec tower() {
  return Builder(37)
      .dense(65, false)
      .batch_norm()
      .activation(Function::relu)
      .dropout(0.2)
      .dense(48, true, 1e-4)
      .batch_norm()
      .activation(Function::gelu)
      .dropout(0.1)
      .dense(19)
      .prelu()
      .dense(10)
      .loss(LossKind::cce, Link::softmax);
}

// Values with several readers, branches of odd widths, and normalization in one of them.
inline PlanSpec graph() {
  Builder b(37);
  const int first = b.dense(33).last();
  const int inner = b.activation(Function::relu).dropout(0.1).dense(33).last();
  const int sum = b.sum(first).last();
  b.from(sum).layer_norm().dense(21).batch_norm().activation(Function::tanh).concatenate(sum).concatenate(inner);
  const int wide = b.concatenate(0).last();
  return b.from(wide).prelu().sum(wide).dense(10).loss(LossKind::cce, Link::softmax);
}

// Layers that stand in several places, plain and transposed.
inline PlanSpec sharing() {
  Builder b(37);
  const int first = b.dense(33, true, 1e-3).max_norm(1).last();
  const int norm = b.batch_norm().last(), bend = b.prelu().last(), rows = b.layer_norm().last();
  const int inner = b.dense(33).last();
  b.again(norm).again(bend).again(rows).again(inner).tied(inner).tied(first);
  return b.loss(LossKind::mse);
}

// Images of 6 x 8 pixels that move, change and lose parts, and sequences of 48 steps that run at random pace.
inline PlanSpec augmented(FillMode fill) {
  const RangeSpec much{-0.6, 0.6}, little{-0.2, 0.2}, half{0.5, 0.5};
  WarpSpec moved{6, 8, 6, 8}, cropped{6, 8, 5, 6}, paced{1, 30, 1, 30};
  moved.moves = {{Motion::flip, half, half, false},
                 {Motion::turn, little, {}, false},
                 {Motion::shear, little, much, false},
                 {Motion::zoom, much, much, true},
                 {Motion::shift, much, much, false}};
  moved.fill = fill;
  cropped.moves = {{Motion::crop, {-1, 2}, {-1, 3}, false}};
  cropped.nearest = true;
  paced.speed = 0.7;
  paced.knots = 5;
  const AdjustSpec contrast{{0.5, 1.5}, {-0.1, 0.1}, {-0.6, 0.6}, true, false};
  const AdjustSpec scaling{{0.5, 1.5}, {}, {-INFINITY, INFINITY}, false, true};
  Builder b(37);
  b.dense(6 * 8 * 19).pixels(6 * 8).warp(moved, 0.3).adjust(contrast).erase({6, 8, 0, 0, {0.1, 0.5}, {0.3, 3.3}});
  b.warp(cropped).erase({5, 6, 3, 2, {}, {}}).warp(paced).adjust(scaling).pixels(1);
  return b.dense(5).loss(LossKind::mse);
}

// Categories in the first three of twelve columns, whose table the output is tied to.
inline PlanSpec embedding() {
  Builder b(12);
  const int table = b.embedding(3, 150, 7).last();
  return b.dense(21).activation(Function::tanh).dense(7).tied(table).loss(LossKind::mse);
}

template <class T>
struct Problem {
  PlanSpec plan;
  long rows;
  std::vector<T> parameters, X, y;
  std::vector<int32_t> classes;
  std::vector<uint32_t> order;

  Problem(const PlanSpec& p, long n) : plan(p), rows(n) {
    Random random(7);
    long size = 0;
    for (const ParameterSpec& q : plan.parameters) size += q.rows * q.columns;
    for (long i = 0; i < size; i++) parameters.push_back(static_cast<T>(0.3 * random()));
    for (const ParameterSpec& q : plan.parameters)
      if (!q.trainable)
        for (long i = 0; i < q.rows * q.columns; i++) parameters[static_cast<std::size_t>(q.offset + i)] = T(1);
    const long width = plan.size(plan.input), outputs = plan.size(plan.output);
    for (long i = 0; i < n * width; i++) X.push_back(static_cast<T>(2 * random()));
    for (const OpSpec& o : plan.ops)
      for (const CategorySpec& c : o.categories)
        for (long i = 0; i < n; i++) {
          const double drawn = (random() + 1) / 2 * static_cast<double>(c.levels);
          X[static_cast<std::size_t>(i * width + c.column)] = static_cast<T>(std::floor(drawn));
        }
    for (long i = 0; i < n * outputs; i++) y.push_back(static_cast<T>(random()));
    for (long i = 0; i < n; i++)
      classes.push_back(static_cast<int32_t>((random() + 1) / 2 * static_cast<double>(outputs)));
    for (long i = 0; i < n; i++) order.push_back(static_cast<uint32_t>(i * 7919 % n));
  }

  Data<T> data() const {
    Data<T> d;
    d.X = X.data();
    d.y = y.data();
    d.classes = classes.data();
    d.rows = rows;
    return d;
  }

  TrainJob<T> job(long batch, int threads, const double* rate) const {
    TrainJob<T> j{};
    j.data = data();
    j.order = order.data();
    j.count = rows;
    j.batch = batch;
    j.rates = rate;
    j.rate_per_step = false;
    j.threads = threads;
    j.adapt = false;
    return j;
  }
};

inline OptimizerSpec adam() {
  OptimizerSpec s;
  s.kind = OptimizerKind::adam;
  s.beta_1 = 0.9;
  s.beta_2 = 0.999;
  s.epsilon = 1e-8;
  s.weight_decay = 0.01;
  return s;
}

template <class T>
uint64_t hash(const std::vector<T>& numbers) {
  uint64_t h = 1469598103934665603ull;
  for (const T x : numbers) {
    unsigned char bytes[sizeof(T)];
    std::memcpy(bytes, &x, sizeof(T));
    for (const unsigned char b : bytes) h = (h ^ b) * 1099511628211ull;
  }
  return h;
}

// The hash of all parameters after three epochs.
template <class T>
uint64_t train(const Problem<T>& problem, const OptimizerSpec& optimizer, long batch, int threads) {
  Model<T> model(problem.plan);
  model.set_parameters(problem.parameters.data());
  model.start(optimizer, 3, 0, nullptr);
  const double rate = 0.01;
  for (int epoch = 0; epoch < 3; epoch++) model.train(problem.job(batch, threads, &rate));
  std::vector<T> after(problem.parameters.size());
  model.get_parameters(after.data());
  return hash(after);
}

}  // namespace networks
