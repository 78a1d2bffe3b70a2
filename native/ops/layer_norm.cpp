// y = gamma (x - mean) / sqrt(var + eps) + beta with mean and variance over the features of each row.
//
// Sums along a row go as row_tools says. The gradients of gamma and beta are summed per block of rows while backward
// passes over them, and the blocks added in order by the owner of the parameters.
#include <cmath>

#include "ops/block_sums.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

template <class T>
class LayerNorm final : public BlockSums<T> {
 public:
  LayerNorm(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : BlockSums<T>(s, plan), width_(padded<T>(this->in_width)) {
    if (s.weight >= 0) gamma_ = placement[static_cast<std::size_t>(s.weight)].offset;
    if (s.bias >= 0) beta_ = placement[static_cast<std::size_t>(s.bias)].offset;
    trainable_ = plan.trains(s.weight) || plan.trains(s.bias);
  }

  bool by_row() const override { return true; }
  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }

  // Per block of rows: (2, width) sums of dy and of dy (x - mean) / sd.
  long scratch_size(long blocks, int) const override { return trainable() ? 2 * width_ * blocks : 0; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T* x = this->in(pass, rows.first) + r * kPanel<T>;
      T* y = this->out(pass, rows.first) + r * kPanel<T>;
      const Statistics s = statistics(x, stride);
      each_in_row<T>(n, stride, [&](long o, long c) {
        const Vec<T> beta = beta_ >= 0 ? load(pass.weights + beta_ + c) : Vec<T>{};
        store(y + o,
              real_columns<T>(c, n) ? fma<T>((load(x + o) - s.mean) * s.inverse, gamma(pass, c), beta) : Vec<T>{});
      });
    }
  }

  // dx = (g - mean g - z mean (g z)) / sd with g = dy gamma and z = (x - mean) / sd, means over the features.
  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T *x = this->in(pass, rows.first) + r * kPanel<T>,
              *dy = this->out_gradient(pass, rows.first) + r * kPanel<T>;
      T* dx = this->in_gradient(pass, rows.first) + r * kPanel<T>;
      const Statistics s = statistics(x, stride);
      if (trainable()) add_to_block(pass, r, x, dy, s);
      LaneSums<T> plain, along;
      const auto each = [&](auto&& body) {
        each_in_row<T>(n, stride, [&](long o, long c) {
          const Vec<T> g = real_columns<T>(c, n) ? load(dy + o) * gamma(pass, c) : Vec<T>{};
          body(o, c, g, (load(x + o) - s.mean) * s.inverse);
        });
      };
      each([&](long, long c, Vec<T> g, Vec<T> z) {
        plain.add(c, g);
        along.add(c, real_columns<T>(c, n) ? g * z : Vec<T>{});
      });
      const T a = plain.total() / static_cast<T>(n), b = along.total() / static_cast<T>(n);
      each([&](long o, long c, Vec<T> g, Vec<T> z) {
        store(dx + o, real_columns<T>(c, n) ? s.inverse * (g - fma<T>(z, splat(b), splat(a))) : Vec<T>{});
      });
    }
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!trainable() || !this->owns_weight || !this->owns_bias) return;
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
    T mean, inverse;
  };

  // Squares are taken of what is left without the mean, which keeps them accurate for rows far from zero.
  Statistics statistics(const T* x, long stride) const {
    const long n = this->in_width;
    LaneSums<T> sums, squares;
    each_in_row<T>(n, stride, [&](long o, long c) { sums.add(c, real_columns<T>(c, n) ? load(x + o) : Vec<T>{}); });
    const T mean = sums.total() / static_cast<T>(n);
    each_in_row<T>(n, stride, [&](long o, long c) {
      const Vec<T> d = load(x + o) - mean;
      squares.add(c, real_columns<T>(c, n) ? d * d : Vec<T>{});
    });
    const T variance = squares.total() / static_cast<T>(n);
    return {mean, T(1) / std::sqrt(variance + static_cast<T>(this->spec.epsilon))};
  }

  Vec<T> gamma(const Pass<T>& pass, long c) const {
    return gamma_ >= 0 ? load(pass.weights + gamma_ + c) : splat(T(1));
  }

  // The first row of a block starts its sums.
  void add_to_block(const Pass<T>& pass, long r, const T* x, const T* dy, Statistics s) const {
    T* sums = this->scratch(pass) + r / this->block_lines(pass) * 2 * width_;
    const bool fresh = r % this->block_lines(pass) == 0;
    each_in_row<T>(this->in_width, this->stride(pass), [&](long o, long c) {
      const Vec<T> g = real_columns<T>(c, this->in_width) ? load(dy + o) : Vec<T>{};
      const Vec<T> z = real_columns<T>(c, this->in_width) ? (load(x + o) - s.mean) * s.inverse : Vec<T>{};
      store(sums + c, (fresh ? Vec<T>{} : load(sums + c)) + g);
      store(sums + width_ + c, fma<T>(g, z, fresh ? Vec<T>{} : load(sums + width_ + c)));
    });
  }

  long width_;  // padded
  long gamma_ = -1, beta_ = -1;
  bool trainable_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_layer_norm(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<LayerNorm<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_layer_norm<float>(const OpSpec&, const PlanSpec&,
                                                           const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_layer_norm<double>(const OpSpec&, const PlanSpec&,
                                                             const std::vector<Placement>&);

}  // namespace descend
