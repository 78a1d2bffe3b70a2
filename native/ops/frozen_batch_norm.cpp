// Batch normalization by the running statistics, in training as in inference: y = gamma (x - mean) / sqrt(var + eps) +
// beta with mean and var fixed, so rows do not depend on each other and dx = gamma / sqrt(var + eps) dy.
//
// The gradients of gamma and beta are summed per block of rows while backward passes over them, and the blocks added in
// order by the owner of the parameters.
#include "ops/block_sums.hpp"

namespace descend {

namespace {

template <class T>
class FrozenBatchNorm final : public BlockSums<T> {
 public:
  FrozenBatchNorm(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : BlockSums<T>(s, plan),
        width_(padded<T>(this->in_width)),
        mean_(placement[static_cast<std::size_t>(s.running_mean)].offset),
        variance_(placement[static_cast<std::size_t>(s.running_variance)].offset) {
    if (s.weight >= 0) gamma_ = placement[static_cast<std::size_t>(s.weight)].offset;
    if (s.bias >= 0) beta_ = placement[static_cast<std::size_t>(s.bias)].offset;
    trainable_ = plan.trains(s.weight) || plan.trains(s.bias);
  }

  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }

  // Per block of rows: (2, width) sums of dy and of dy (x - mean) / sd.
  long scratch_size(long blocks, int) const override { return trainable_ ? 2 * width_ * blocks : 0; }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* x = this->in(pass, rows.first);
    T* y = this->out(pass, rows.first);
    each_vector(pass, p, [&](long c, long first) {
      const Statistics s = statistics(pass, c);
      const Vec<T> beta = beta_ >= 0 ? load(pass.weights + beta_ + c) : Vec<T>{};
      for (long o = first + rows.first * kPanel<T>; o < first + rows.last * kPanel<T>; o += kPanel<T>)
        store(y + o, fma<T>((load(x + o) - s.mean) * s.inverse, s.gamma, beta));
    });
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T *x = this->in(pass, rows.first), *dy = this->out_gradient(pass, rows.first);
    T* dx = this->in_gradient(pass, rows.first);
    const long block = this->block_lines(pass);
    each_vector(pass, p, [&](long c, long first) {
      const Statistics s = statistics(pass, c);
      const Vec<T> scale = s.gamma * s.inverse;
      for (long b = rows.first; b < rows.last; b += block) {
        Vec<T> plain{}, along{};
        for (long r = b; r < std::min(rows.last, b + block); r++) {
          const long o = first + r * kPanel<T>;
          const Vec<T> g = load(dy + o);
          plain += g;
          along = fma<T>(g, (load(x + o) - s.mean) * s.inverse, along);
          store(dx + o, scale * g);
        }
        if (!trainable_) continue;
        T* sums = this->scratch(pass) + b / block * 2 * width_ + c;
        store(sums, plain);
        store(sums + width_, along);
      }
    });
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!trainable_ || !this->owns_statistics) return;
    tasks.push_back({op,
                     {0, panels<T>(this->in_width)},
                     {0, 0},
                     static_cast<double>(width_) * (128 + 2 * static_cast<double>(batch) / kRowBlock)});
  }

  void update(const Pass<T>& pass, const Task&, Update<T>& update) const override {
    this->commit_sums(pass, update, this->spec.weight, gamma_, width_);
    this->commit_sums(pass, update, this->spec.bias, beta_, 0);
  }

 private:
  struct Statistics {
    Vec<T> mean, inverse, gamma;
  };

  Statistics statistics(const Pass<T>& pass, long c) const {
    return {load(pass.weights + mean_ + c),
            T(1) / sqrt<T>(load(pass.weights + variance_ + c) + static_cast<T>(this->spec.epsilon)),
            gamma_ >= 0 ? load(pass.weights + gamma_ + c) : splat(T(1))};
  }

  // Calls body(column, offset of its first row) for each vector of the panels.
  template <class Body>
  void each_vector(const Pass<T>& pass, Panels p, Body&& body) const {
    for (long c = p.first * kPanel<T>; c < p.last * kPanel<T>; c += kLanes<T>)
      body(c, c / kPanel<T> * this->stride(pass) + c % kPanel<T>);
  }

  long width_;  // padded
  long mean_, variance_, gamma_ = -1, beta_ = -1;
  bool trainable_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_frozen_batch_norm(const OpSpec& s, const PlanSpec& plan,
                                              const std::vector<Placement>& placement) {
  return std::make_unique<FrozenBatchNorm<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_frozen_batch_norm<float>(const OpSpec&, const PlanSpec&,
                                                                  const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_frozen_batch_norm<double>(const OpSpec&, const PlanSpec&,
                                                                    const std::vector<Placement>&);

}  // namespace descend
