// z = x W + b. Gradients: dx = dz W^T; dW = x^T dz; db = sum over rows of dz.
#include "kernels/product.hpp"
#include "ops/ops.hpp"
#include "ops/update.hpp"

namespace descend {

namespace {

// A task owns one panel of inputs by this many panels of outputs; tasks go over all outputs strip by strip of inputs,
// so that a strip stays in the second-level cache. Norms and penalties are summed task by task: the same tasks for all
// instruction sets.
constexpr long kTaskOutputs = 4, kStrip = 9;

template <class T>
class Dense final : public Op<T> {
 public:
  Dense(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : Op<T>(s, plan),
        weight_(placement[static_cast<std::size_t>(s.weight)]),
        bias_(s.bias >= 0 ? placement[static_cast<std::size_t>(s.bias)] : Placement{}),
        trainable_(plan.trains(s.weight) || plan.trains(s.bias)) {}

  bool by_panel() const override { return false; }
  double multiply_adds() const override {
    return static_cast<double>(this->in_width * this->out_width * this->in_positions);
  }
  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const long stride = this->stride(pass), at = rows.first * kPanel<T>;
    product_panels<T>(this->in(pass, rows.first) + at, stride, rows.count(), this->in_width,
                      pass.weights + weight_.offset, this->in_width * kPanel<T>, this->out(pass, rows.first) + at,
                      stride, this->spec.bias >= 0 ? pass.weights + bias_.offset : nullptr, p.first, p.last);
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const long stride = this->stride(pass), at = rows.first * kPanel<T>;
    product_panels<T>(this->out_gradient(pass, rows.first) + at, stride, rows.count(), this->out_width,
                      pass.transposed + weight_.transposed, padded<T>(this->out_width) * kPanel<T>,
                      this->in_gradient(pass, rows.first) + at, stride, nullptr, p.first, p.last);
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!trainable_) return;
    const long in = panels<T>(this->in_width), out = panels<T>(this->out_width);
    // In multiply-adds. Updating a weight, and keeping its transpose, takes as long as about this many.
    const double update = weight_.transposed >= 0 ? 80 : 56;
    for (long strip = 0; strip < in; strip += kStrip)
      for (long o = 0; o < out; o += kTaskOutputs)
        for (long i = strip; i < std::min(in, strip + kStrip); i++) {
          const Panels outputs{o, std::min(out, o + kTaskOutputs)};
          const auto units = static_cast<double>((outputs.last - o) * kPanel<T>),
                     rows = static_cast<double>(batch * this->in_positions);
          const double bias = i == 0 && this->spec.bias >= 0 ? 2 * rows * units : 0;
          const auto columns = static_cast<double>(columns_of<T>(this->in_width, i));
          tasks.push_back({op, {i, i + 1}, outputs, columns * units * (rows + update) + bias});
        }
  }

  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override {
    for (long i = task.inputs.first; i < task.inputs.last; i++) {
      ask_for_rows(pass, task);
      for (long o = task.outputs.first; o < task.outputs.last; o += kTilePanels)
        with_constant<kTilePanels>(std::min<long>(kTilePanels, task.outputs.last - o),
                                   [&](auto n) { update_block<decltype(n)::value>(pass, i, o, update); });
    }
    if (this->spec.bias >= 0 && task.inputs.first == 0)
      for (long o = task.outputs.first; o < task.outputs.last; o++) update_bias(pass, o, update);
  }

 private:
  // Asks for what comes next, half of which lies in other cores' caches: while the first outputs of a strip come, the
  // next panel of inputs, and this task's share of the gradients of the outputs that the strip turns to then.
  void ask_for_rows(const Pass<T>& pass, const Task& task) const {
    const long i = task.inputs.first, in = panels<T>(this->in_width), stride = this->stride(pass);
    if (this->in_positions > 1) return;  // more than what stays in the cache
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
    const long stride = this->stride(pass), count = columns_of<T>(this->in_width, i), panel = this->in_width * P;
    const long offset = weight_.offset + o * panel + i * P * P;
    T* g = update.gradient(offset, scratch);
    const long apart = g == scratch ? P * P : panel;
    const long lines = pass.rows * this->in_positions;
    long asked = 0;  // panels of outputs, one ahead of each tile
    if (update.computes())
      outer_block<T, N>({this->in(pass, 0) + i * stride, panels<T>(this->in_width) * stride}, count,
                        {this->out_gradient(pass, 0) + o * stride, panels<T>(this->out_width) * stride}, stride, lines,
                        pass.arena->group * this->in_positions, g, apart, [&] {
                          if (asked < N) ask_for_parameters(i, o + asked++, update);
                        });
    for (long n = 0; n < N; n++) {
      update.commit(this->spec.weight, offset + n * panel, g + n * apart, count * P);
      if (keeps_transposed(update)) update.transpose(offset + n * panel, count, transposed(i, o + n, update));
    }
  }

  bool keeps_transposed(const Update<T>& update) const { return this->wants_input && update.applies(); }

  // Where the transpose of panel i of the inputs by panel o of the outputs lies.
  T* transposed(long i, long o, const Update<T>& update) const {
    constexpr int P = kPanel<T>;
    return update.transposed() + weight_.transposed + (i * padded<T>(this->out_width) + o * P) * P;
  }

  // Asks for what the update of that block will touch.
  void ask_for_parameters(long i, long o, const Update<T>& update) const {
    constexpr int P = kPanel<T>;
    update.prefetch(weight_.offset + (o * this->in_width + i * P) * P, columns_of<T>(this->in_width, i) * P);
    if (!keeps_transposed(update)) return;
    const T* to = transposed(i, o, update);
    for (long line = 0; line < P; line++) __builtin_prefetch(to + line * P, 1);
  }

  void update_bias(const Pass<T>& pass, long o, Update<T>& update) const {
    constexpr int P = kPanel<T>;
    alignas(64) T scratch[P];
    T* g = update.gradient(bias_.offset + o * P, scratch);
    if (update.computes()) {
      Vec<T> total[kPanelVecs<T>] = {};
      const long lines = pass.rows * this->in_positions, group = pass.arena->group * this->in_positions;
      for (long r = 0; r < lines; r += group)
        add_rows(this->out_gradient(pass, r) + o * this->stride(pass), r, std::min(lines, r + group), total);
      for (int v = 0; v < kPanelVecs<T>; v++) store(g + v * kLanes<T>, total[v]);
    }
    update.commit(this->spec.bias, bias_.offset + o * P, g, P);
  }

  // Adds the column sums of rows [r, end) of one panel: block by block, four blocks side by side to hide the latency.
  static void add_rows(const T* panel, long r, long end, Vec<T> (&total)[kPanelVecs<T>]) {
    constexpr int P = kPanel<T>, V = kPanelVecs<T>;
    for (; r + 4 * kRowBlock <= end; r += 4 * kRowBlock) {
      Vec<T> s[4][V] = {};
      for (long k = 0; k < kRowBlock; k++)
        for (int b = 0; b < 4; b++)
          for (int v = 0; v < V; v++) s[b][v] += load(panel + (r + b * kRowBlock + k) * P + v * kLanes<T>);
      for (int b = 0; b < 4; b++)
        for (int v = 0; v < V; v++) total[v] += s[b][v];
    }
    for (; r < end; r += kRowBlock) {
      Vec<T> s[V] = {};
      for (long k = r; k < std::min(end, r + kRowBlock); k++)
        for (int v = 0; v < V; v++) s[v] += load(panel + k * P + v * kLanes<T>);
      for (int v = 0; v < V; v++) total[v] += s[v];
    }
  }

  Placement weight_, bias_;
  bool trainable_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_dense(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<Dense<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_dense<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_dense<double>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);

}  // namespace descend
