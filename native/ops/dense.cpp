// z = x W + b. Gradients: dx = dz W^T; dW = x^T dz; db = sum over rows of dz. A transposed op has W^T in the place of
// W. With DropConnect see drop_connect.hpp; no other op has a part in such a weight.
#include "kernels/product.hpp"
#include "ops/dense_parameters.hpp"
#include "ops/drop_connect.hpp"
#include "ops/ops.hpp"
#include "ops/update.hpp"

namespace descend {

namespace {

// A task owns one panel of inputs by this many panels of outputs; tasks go over all outputs strip by strip of inputs,
// so that a strip stays in the second-level cache. Norms and penalties are summed task by task: the same tasks for all
// instruction sets.
constexpr long kTaskOutputs = 4, kStrip = 9;

template <class T>
class Dense final : public DenseParameters<T> {
 public:
  Dense(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : DenseParameters<T>(s, plan, placement), drop_(s, this->in_width, this->out_width), gaussian_(s, s.drop_rate) {}

  double multiply_adds() const override {
    return static_cast<double>(this->in_width * this->out_width * this->in_positions);
  }
  bool keeps_input() const override { return true; }

  long scratch_size(long /*blocks*/, int /*threads*/) const override { return drop_.size(); }

  void begin(const Pass<T>& pass) const override {
    if (!drop_.active()) return;
    drop_.draw(this->scratch(pass), pass.seed, pass.step, {0, panels<T>(this->in_width)},
               {0, panels<T>(this->out_width)});
  }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    if (pass.training && drop_.active())
      return multiply(pass, rows, p, drop_.weights(this->scratch(pass), pass.weights + this->weight_.offset));
    multiply(pass, rows, p, this->spec.transposed ? transpose(pass) : weight(pass));
    if (!pass.training && gaussian_.active()) spread(pass, rows, p);
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const long stride = this->stride(pass), at = rows.first * kPanel<T>;
    const T* dz = this->out_gradient(pass, rows.first) + at;
    T* dx = this->in_gradient(pass, rows.first) + at;
    const auto multiply = [&](const auto& matrix) {
      product_panels<T>(dz, stride, rows.count(), this->out_width, matrix, dx, stride, nullptr, p.first, p.last);
    };
    if (drop_.active())
      return multiply(drop_.transposed(this->scratch(pass), pass.transposed + this->weight_.transposed));
    if (this->spec.transposed) return multiply(weight(pass));
    if (this->weight_.transposed >= 0) return multiply(transpose(pass));
    product_with_transpose<T>(dz, stride, rows.count(), this->out_width, weight(pass), this->rows_, dx, stride, p.first,
                              p.last);
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!this->trainable() && !drop_.active()) return;
    const long in = panels<T>(this->rows_), out = panels<T>(this->columns_);
    // In multiply-adds. Updating a weight, and keeping its transpose, takes as long as about this many.
    const double update = this->weight_.transposed >= 0 ? 80 : 56;
    const double rows = static_cast<double>(batch * this->in_positions);
    const auto bias = [&](Panels outputs) {
      return this->updates_bias() ? 2 * rows * static_cast<double>((outputs.last - outputs.first) * kPanel<T>) : 0;
    };
    if (!this->owns_weight) {
      const Panels outputs{0, panels<T>(this->out_width)};
      if (this->updates_bias()) tasks.push_back({op, {0, 0}, outputs, bias(outputs)});
      return;
    }
    for (long strip = 0; strip < in; strip += kStrip)
      for (long o = 0; o < out; o += kTaskOutputs)
        for (long i = strip; i < std::min(in, strip + kStrip); i++) {
          const Panels outputs{o, std::min(out, o + kTaskOutputs)};
          const auto units = static_cast<double>((outputs.last - o) * kPanel<T>);
          const auto columns = static_cast<double>(columns_of<T>(this->rows_, i));
          tasks.push_back({op,
                           {i, i + 1},
                           outputs,
                           columns * units * (rows * this->uses() + update) + (i == 0 ? bias(outputs) : 0)});
        }
  }

  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override {
    if (!this->trainable()) {
      if (update.applies()) drop_.draw(this->scratch(pass), pass.seed, pass.step + 1, task.inputs, task.outputs);
      return;
    }
    for (long i = task.inputs.first; i < task.inputs.last; i++) {
      ask_for_rows(pass, task);
      for (long o = task.outputs.first; o < task.outputs.last; o += kTilePanels)
        with_constant<kTilePanels>(std::min<long>(kTilePanels, task.outputs.last - o),
                                   [&](auto n) { update_block<decltype(n)::value>(pass, i, o, update); });
    }
    if (this->updates_bias() && task.inputs.first == 0) this->update_bias(pass, task.outputs, update);
  }

  void add_gradient(const Pass<T>& pass, const Block<T>& block) const override {
    constexpr int P = kPanel<T>;
    for (long i = block.inputs.first; i < block.inputs.last; i++)
      for (long n = 0; n < block.count; n += kTilePanels)
        with_constant<kTilePanels>(std::min<long>(kTilePanels, block.count - n), [&](auto tile) {
          product<decltype(tile)::value>(pass, i, block.output + n,
                                         block.g + n * block.apart + (i - block.inputs.first) * P * P, block.apart,
                                         true, [] {});
        });
  }

 private:
  Plain<T> weight(const Pass<T>& pass) const { return {pass.weights + this->weight_.offset, this->panel()}; }
  Plain<T> transpose(const Pass<T>& pass) const {
    return {pass.transposed + this->weight_.transposed, padded<T>(this->columns_) * kPanel<T>};
  }

  template <class B>
  void multiply(const Pass<T>& pass, Rows rows, Panels p, const B& weights) const {
    const long stride = this->stride(pass), at = rows.first * kPanel<T>;
    product_panels<T>(this->in(pass, rows.first) + at, stride, rows.count(), this->in_width, weights,
                      this->out(pass, rows.first) + at, stride,
                      this->spec.bias >= 0 ? pass.weights + this->bias_.offset : nullptr, p.first, p.last);
  }

  // Turns the means in the output into outputs.
  void spread(const Pass<T>& pass, Rows rows, Panels p) const {
    constexpr int P = kPanel<T>;
    alignas(64) T variance[kRowTermBlock * P];  // (lines, P)
    const long stride = this->stride(pass);
    for (long o = p.first; o < p.last; o++) {
      const Squared<T> panel{pass.weights + this->offset(0, o), this->panel(), gaussian_.variance_factor()};
      for (long first = rows.first; first < rows.last; first += kRowTermBlock) {
        const long count = std::min(kRowTermBlock, rows.last - first);
        product_panels<T>(this->in(pass, rows.first) + first * P, stride, count, this->in_width, panel, variance, 0,
                          nullptr, 0, 1);
        gaussian_.apply(this->out(pass, rows.first) + o * stride + first * P, variance, count * P);
      }
    }
  }

  // Asks for what comes next, half of which lies in other cores' caches: while the first outputs of a strip come, the
  // next panel of inputs, and this task's share of the gradients of the outputs that the strip turns to then.
  void ask_for_rows(const Pass<T>& pass, const Task& task) const {
    if (this->spec.transposed || this->in_positions > 1) return;  // more positions than stay in the cache
    const long i = task.inputs.first, in = panels<T>(this->in_width), stride = this->stride(pass);
    if (task.outputs.first == 0 && i + 1 < in)
      for (long r = 0; r < pass.rows; r++)
        __builtin_prefetch(this->in(pass, r) + (i + 1) * stride + r * kPanel<T>, 0, 2);
    const long part = i % kStrip, parts = std::min(kStrip, in - i + part);
    const long last = std::min(panels<T>(this->out_width), task.outputs.last + kTaskOutputs);
    for (long r = pass.rows * part / parts; r < pass.rows * (part + 1) / parts; r++)
      for (long o = task.outputs.last; o < last; o++)
        __builtin_prefetch(this->out_gradient(pass, r) + o * stride + r * kPanel<T>, 0, 2);
  }

  // Panel i of the inputs by N panels of the outputs from o.
  template <int N>
  void update_block(const Pass<T>& pass, long i, long o, Update<T>& update) const {
    constexpr int P = kPanel<T>;
    alignas(64) T scratch[N * P * P];
    const long panel = this->panel(), count = columns_of<T>(this->rows_, i), offset = this->offset(i, o);
    T* g = update.gradient(offset, scratch);
    const long apart = g == scratch ? P * P : panel;
    long asked = 0;  // panels of outputs, one ahead of each tile
    if (update.computes()) {
      product<N>(pass, i, o, g, apart, false, [&] {
        update.write_some(N * kTileRows<T, N>);  // as many as the tile itself has
        if (asked < N) ask_for_parameters(i, o + asked++, update);
      });
      this->add_partners(pass, {{i, i + 1}, o, N, g, apart});
    }
    for (long n = 0; n < N; n++) {
      if (drop_.active() && update.computes()) drop_.mask(this->scratch(pass), o + n, i * P, count, g + n * apart);
      update.commit(this->spec.weight, offset + n * panel, g + n * apart, count * P, !this->refreshes(update));
      this->refresh_transposed({i, i + 1}, o + n, update);
    }
    if (drop_.active() && update.applies())
      drop_.draw(this->scratch(pass), pass.seed, pass.step + 1, {i, i + 1}, {o, o + N});
  }

  // Asks for what the update of that block will touch.
  void ask_for_parameters(long i, long o, const Update<T>& update) const {
    constexpr int P = kPanel<T>;
    update.prefetch(this->offset(i, o), columns_of<T>(this->rows_, i) * P);
    if (!this->refreshes(update)) return;
    const T* to = this->transposed(i, o, update);
    for (long line = 0; line < P; line++) __builtin_prefetch(to + line * P, 1);
  }

  // x^T dz, or dz^T x for a transposed op: panel i of the weight's rows by N panels of its columns from o.
  template <int N, class Before>
  void product(const Pass<T>& pass, long i, long o, T* g, long apart, bool added, Before&& before) const {
    const long stride = this->stride(pass);
    const T *a = this->in(pass, 0), *b = this->out_gradient(pass, 0);
    if (this->spec.transposed) std::swap(a, b);
    outer_block<T, N>({a + i * stride, panels<T>(this->rows_) * stride}, columns_of<T>(this->rows_, i),
                      {b + o * stride, panels<T>(this->columns_) * stride}, stride, pass.rows * this->in_positions,
                      pass.arena->group * this->in_positions, g, apart, added, before);
  }

  DropConnect<T> drop_;
  GaussianInference<T> gaussian_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_dense(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<Dense<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_dense<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_dense<double>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);

}  // namespace descend
