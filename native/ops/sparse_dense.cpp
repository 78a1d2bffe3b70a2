// Dense on rows that stay sparse: z = x W + b from the entries of x, and dW = x^T dz from the batch's entries sorted by
// column. Nothing of the size of rows x features exists. The gradient of W is made, penalized and applied one block of
// features at a time: every weight moves in every step, as with dense rows (moments decay, penalties pull), so a step
// is one pass over the weights and the optimizer's slots. Refuses to compute the gradient of x, which nothing asks for.
#include "kernels/sparse.hpp"
#include "ops/dense_parameters.hpp"
#include "ops/drop_connect.hpp"
#include "ops/ops.hpp"
#include "ops/update.hpp"
#include "runtime/columns.hpp"

namespace descend {

namespace {

constexpr long kTaskOutputs = 4;  // panels of outputs that one task owns

template <class T>
class SparseDense final : public DenseParameters<T> {
 public:
  SparseDense(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : DenseParameters<T>(s, plan, placement), drop_(s, this->in_width, this->out_width), gaussian_(s, s.drop_rate) {}

  long scratch_size(long /*blocks*/, int /*threads*/) const override { return drop_.size(); }

  void begin(const Pass<T>& pass) const override {
    if (!drop_.active()) return;
    drop_.draw(this->scratch(pass), pass.seed, pass.step, {0, panels<T>(this->in_width)},
               {0, panels<T>(this->out_width)});
  }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* const weights = pass.weights + this->weight_.offset;
    if (pass.training && drop_.active()) return multiply(pass, rows, p, drop_.weights(this->scratch(pass), weights));
    multiply(pass, rows, p, Plain<T>{weights, this->panel()});
    if (!pass.training && gaussian_.active()) spread(pass, rows, p);
  }

  void backward(const Pass<T>&, Rows, Panels) const override {}

  void add_tasks(int op, long /*batch*/, std::vector<Task>& tasks) const override {
    if (!this->trainable() && !drop_.active()) return;
    const long in = panels<T>(this->in_width), out = panels<T>(this->out_width);
    if (!this->owns_weight) {
      if (this->updates_bias()) tasks.push_back({op, {0, 0}, {0, out}, kStreamCost});
      return;
    }
    for (long o = 0; o < out; o += kTaskOutputs)
      for (long i = 0; i < in; i += kTaskInputs) {
        const Panels inputs{i, std::min(in, i + kTaskInputs)}, outputs{o, std::min(out, o + kTaskOutputs)};
        tasks.push_back({op, inputs, outputs, kStreamCost * numbers(inputs, outputs)});
      }
  }

  double entries_cost(const Task& task, const BatchColumns<T>& columns) const override {
    return this->uses() * kEntryCost * columns.expected(task.inputs.first * kPanel<T>, task.inputs.last * kPanel<T>) *
           static_cast<double>((task.outputs.last - task.outputs.first) * kPanel<T>);
  }

  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override {
    if (!this->trainable()) {
      if (update.applies()) drop_.draw(this->scratch(pass), pass.seed, pass.step + 1, task.inputs, task.outputs);
      return;
    }
    if (task.inputs.first < task.inputs.last)
      split_panels(task.outputs,
                   [&](auto n, long o) { update_block<decltype(n)::value>(pass, task.inputs, o, update); });
    if (this->updates_bias() && task.inputs.first == 0) this->update_bias(pass, task.outputs, update);
  }

  void add_gradient(const Pass<T>& pass, const Block<T>& block) const override {
    split_panels({0, block.count}, [&](auto n, long first) {
      add_entries<decltype(n)::value>(pass, block.inputs, block.output + first, block.g + first * block.apart,
                                      block.apart, true);
    });
  }

 private:
  static constexpr long kColumns = BatchColumns<T>::kBlock, kTaskInputs = kColumns / kPanel<T>;
  // In the unit of the dense op's tasks, a multiply-add: the optimizer's traffic with memory for one weight, and one
  // entry for one output.
  static constexpr double kStreamCost = 128, kEntryCost = 4;

  template <class B>
  void multiply(const Pass<T>& pass, Rows rows, Panels p, const B& weights) const {
    const SparseRows<T>& X = pass.data->sparse_X;
    T* const z = this->out(pass, rows.first);
    for (long r = rows.first; r < rows.last; r++) {
      if (r + 1 < rows.last) ask_for_row(pass, pass.source(r + 1), p);
      const int64_t k = X.starts[pass.source(r)];
      split_panels(p, [&](auto n, long o) {
        sparse_product_row<T, decltype(n)::value>(
            X.columns + k, X.values + k, X.count(pass.source(r)), weights.from(o, 0),
            this->spec.bias >= 0 ? pass.weights + this->bias_.offset + o * kPanel<T> : nullptr,
            z + o * this->stride(pass) + r * kPanel<T>, this->stride(pass));
      });
    }
  }

  // Turns the means in the output into outputs.
  void spread(const Pass<T>& pass, Rows rows, Panels p) const {
    const SparseRows<T>& X = pass.data->sparse_X;
    const Squared<T> weights{pass.weights + this->weight_.offset, this->panel(), gaussian_.variance_factor()};
    alignas(64) T variance[kPanel<T>];
    for (long r = rows.first; r < rows.last; r++) {
      const int64_t k = X.starts[pass.source(r)];
      for (long o = p.first; o < p.last; o++) {
        sparse_product_row<T, 1>(X.columns + k, X.values + k, X.count(pass.source(r)), weights.from(o, 0), nullptr,
                                 variance, 0);
        gaussian_.apply(this->out(pass, rows.first) + o * this->stride(pass) + r * kPanel<T>, variance, kPanel<T>);
      }
    }
  }

  double numbers(Panels inputs, Panels outputs) const {
    return static_cast<double>(std::min(this->in_width, inputs.last * kPanel<T>) - inputs.first * kPanel<T>) *
           static_cast<double>((outputs.last - outputs.first) * kPanel<T>);
  }

  // Calls body(N, first) with compile-time N so that the pieces cover panels p.
  template <class Body>
  static void split_panels(Panels p, Body&& body) {
    for (long o = p.first; o < p.last; o += 4) with_constant<4>(std::min(4L, p.last - o), [&](auto n) { body(n, o); });
  }

  // Asks for what the product of a row starts with.
  void ask_for_row(const Pass<T>& pass, long source, Panels p) const {
    const SparseRows<T>& X = pass.data->sparse_X;
    const int64_t k = X.starts[source];
    for (long e = 0; e < std::min(kEntriesAhead, X.count(source)); e++)
      for (long o = p.first; o < std::min(p.last, p.first + 4); o++)
        __builtin_prefetch(pass.weights + this->offset(0, o) + static_cast<long>(X.columns[k + e]) * kPanel<T>);
  }

  // N panels of outputs from o, for the inputs' rows of W.
  template <int N>
  void update_block(const Pass<T>& pass, Panels inputs, long o, Update<T>& update) const {
    constexpr int P = kPanel<T>;
    alignas(64) T scratch[N * kColumns * P];
    const long first = inputs.first * P, last = std::min(this->in_width, inputs.last * P), count = (last - first) * P;
    const long offset = this->offset(inputs.first, o), panel = this->panel();
    T* const g = update.gradient(offset, scratch);
    const long apart = g == scratch ? kColumns * P : panel;
    if (update.applies()) update.prefetch(offset, count);
    if (update.computes()) {
      add_entries<N>(pass, inputs, o, g, apart, false);
      this->add_partners(pass, {inputs, o, N, g, apart});
    }
    for (long n = 0; n < N; n++) {
      if (n + 1 < N && update.applies()) update.prefetch(offset + (n + 1) * panel, count);
      if (drop_.active() && update.computes())
        drop_.mask(this->scratch(pass), o + n, first, last - first, g + n * apart);
      update.commit(this->spec.weight, offset + n * panel, g + n * apart, count);
      this->refresh_transposed(inputs, o + n, update);
    }
    if (drop_.active() && update.applies())
      drop_.draw(this->scratch(pass), pass.seed, pass.step + 1, inputs, {o, o + N});
  }

  // x^T dz from the batch's entries in the inputs' columns, stored or added.
  template <int N>
  void add_entries(const Pass<T>& pass, Panels inputs, long o, T* g, long apart, bool added) const {
    constexpr int P = kPanel<T>;
    const long first = inputs.first * P, last = std::min(this->in_width, inputs.last * P);
    const long stride = this->stride(pass);
    const T* const dz = this->out_gradient(pass, 0) + o * stride;
    const auto row = [&](long r) { return pass.arena->from(dz, this->out_width, r, 1) + r * P; };
    for (long c = first; c < last; c++)
      sparse_outer_row<T, N>(pass.arena->columns->begin(c), pass.arena->columns->end(c), row, stride,
                             g + (c - first) * P, apart, added);
  }

  DropConnect<T> drop_;
  GaussianInference<T> gaussian_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_sparse_dense(const OpSpec& s, const PlanSpec& plan,
                                         const std::vector<Placement>& placement) {
  return std::make_unique<SparseDense<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_sparse_dense<float>(const OpSpec&, const PlanSpec&,
                                                             const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_sparse_dense<double>(const OpSpec&, const PlanSpec&,
                                                               const std::vector<Placement>&);

}  // namespace descend
