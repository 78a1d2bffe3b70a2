// y = gamma (x - mean) / sqrt(var + eps) + beta with mean and variance over the features of each row.
//
// Sums along a row go as row_tools says. Forward leaves each row's statistics to backward. The gradients of gamma and
// beta are summed per block of rows while backward passes over them, and the blocks added in order by the owner of the
// parameters.
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

  // Per block of rows: (2, width) sums of dy and of dy (x - mean) / sd. Per line: mean and 1 / sd. A block has at most
  // kRowBlock rows; kCellRows or fewer where that would be many lines (Program::choose_block).
  long scratch_size(long blocks, int) const override {
    const long lines = std::min(kRowBlock * this->in_positions, std::max(kManyLines, kCellRows * this->in_positions));
    return (trainable() ? 2 * width_ * blocks : 0) + 2 * lines * blocks;
  }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    each_bunch(pass, rows, [&](auto count, long r) { forward_rows<count>(pass, rows, r); });
  }

  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    each_bunch(pass, rows, [&](auto count, long r) {
      if (trainable())
        backward_rows<count, true>(pass, rows, r);
      else
        backward_rows<count, false>(pass, rows, r);
    });
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

  // The statistics of line r, behind the sums of all blocks.
  T* kept(const Pass<T>& pass, long r) const {
    return this->scratch(pass) + (trainable() ? 2 * width_ * pass.arena->blocks : 0) + 2 * r;
  }

  static constexpr long kManyLines = 512;

  // Rows that are worked on together, so that one's sums do not wait for themselves alone: so many of the same block,
  // or a single one.
  static constexpr int kBunch = 4;

  template <class Body>
  void each_bunch(const Pass<T>& pass, Rows rows, Body&& body) const {
    const long block = this->block_lines(pass);
    for (long r = rows.first; r < rows.last;) {
      if (r + kBunch <= rows.last && r / block == (r + kBunch - 1) / block) {
        body(std::integral_constant<int, kBunch>{}, r);
        r += kBunch;
      } else {
        body(std::integral_constant<int, 1>{}, r++);
      }
    }
  }

  template <int count>
  void forward_rows(const Pass<T>& pass, Rows rows, long first) const {
    const long stride = this->stride(pass), n = this->in_width;
    const T* x = this->in(pass, rows.first) + first * kPanel<T>;
    T* y = this->out(pass, rows.first) + first * kPanel<T>;
    Statistics s[count];
    take_statistics<count>(x, stride, s);
    for (int i = 0; i < count && this->scratch(pass); i++) {  // there is none where nobody runs backward
      kept(pass, first + i)[0] = s[i].mean;
      kept(pass, first + i)[1] = s[i].inverse;
    }
    each_of_row<T>(n, stride, [&](long o, long c, auto real) {
      const Vec<T> scale = gamma(pass, c), beta = beta_ >= 0 ? load(pass.weights + beta_ + c) : Vec<T>{};
      for (int i = 0; i < count; i++)
        store(y + o + i * kPanel<T>,
              real(fma<T>((load(x + o + i * kPanel<T>) - s[i].mean) * s[i].inverse, scale, beta)));
    });
  }

  // Squares are taken of what is left without the mean, which keeps them accurate for rows far from zero.
  template <int count>
  void take_statistics(const T* x, long stride, Statistics* s) const {
    const long n = this->in_width;
    LaneSums<T> sums[count], squares[count];
    each_of_row<T>(n, stride, [&](long o, long c, auto real) {
      for (int i = 0; i < count; i++) sums[i].add(c, real(load(x + o + i * kPanel<T>)));
    });
    for (int i = 0; i < count; i++) s[i].mean = sums[i].total() / static_cast<T>(n);
    each_of_row<T>(n, stride, [&](long o, long c, auto real) {
      for (int i = 0; i < count; i++) {
        const Vec<T> d = real(load(x + o + i * kPanel<T>) - s[i].mean);
        squares[i].add(c, d * d);
      }
    });
    for (int i = 0; i < count; i++)
      s[i].inverse = T(1) / std::sqrt(squares[i].total() / static_cast<T>(n) + static_cast<T>(this->spec.epsilon));
  }

  // dx = (g - mean g - z mean (g z)) / sd with g = dy gamma and z = (x - mean) / sd, means over the features. Where
  // gamma and beta are trained, dy and dy z are added to the sums of the block, which its first row starts.
  template <int count, bool trained>
  void backward_rows(const Pass<T>& pass, Rows rows, long first) const {
    const long stride = this->stride(pass), n = this->in_width, block = this->block_lines(pass);
    const T *x = this->in(pass, rows.first) + first * kPanel<T>,
            *dy = this->out_gradient(pass, rows.first) + first * kPanel<T>;
    T* dx = this->in_gradient(pass, rows.first) + first * kPanel<T>;
    T* block_sums = this->scratch(pass) + first / block * 2 * width_;
    const bool fresh = first % block == 0;
    Statistics s[count];
    for (int i = 0; i < count; i++) s[i] = {kept(pass, first + i)[0], kept(pass, first + i)[1]};
    LaneSums<T> plain[count], along[count];
    each_of_row<T>(n, stride, [&](long o, long c, auto real) {
      const Vec<T> scale = gamma(pass, c);
      Vec<T> of_beta{}, of_gamma{};
      if (trained && !fresh) {
        of_beta = load(block_sums + c);
        of_gamma = load(block_sums + width_ + c);
      }
      for (int i = 0; i < count; i++) {
        const Vec<T> d = real(load(dy + o + i * kPanel<T>)),
                     z = real((load(x + o + i * kPanel<T>) - s[i].mean) * s[i].inverse);
        of_beta += d;
        of_gamma = fma<T>(d, z, of_gamma);
        plain[i].add(c, d * scale);
        along[i].add(c, d * scale * z);
      }
      if (trained) {
        store(block_sums + c, of_beta);
        store(block_sums + width_ + c, of_gamma);
      }
    });
    T a[count], b[count];
    for (int i = 0; i < count; i++) {
      a[i] = plain[i].total() / static_cast<T>(n);
      b[i] = along[i].total() / static_cast<T>(n);
    }
    each_of_row<T>(n, stride, [&](long o, long c, auto real) {
      const Vec<T> scale = gamma(pass, c);
      for (int i = 0; i < count; i++) {
        const Vec<T> g = load(dy + o + i * kPanel<T>) * scale,
                     z = (load(x + o + i * kPanel<T>) - s[i].mean) * s[i].inverse;
        store(dx + o + i * kPanel<T>, real(s[i].inverse * (g - fma<T>(z, splat(b[i]), splat(a[i])))));
      }
    });
  }

  Vec<T> gamma(const Pass<T>& pass, long c) const {
    return gamma_ >= 0 ? load(pass.weights + gamma_ + c) : splat(T(1));
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
