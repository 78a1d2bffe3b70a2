// z = sum over taps of x[i * stride - before + k * dilation] W[k] + b, from
// image to grid; a transposed convolution goes from grid to image: z[i * stride
// - before + k * dilation] += x[i] W[k]. Each is the other's gradient of the
// input, with W[k] transposed. dW[k] sums the products of image and grid over
// all rows; db sums dz. With DropConnect training takes what is kept of W, see
// masked_weights.hpp. A transposed op has W[k]^T in the place of W[k]: forward
// it reads the transpose, backward W itself, and its dW[k] sums dz^T x.
#include "ops/bias.hpp"
#include "ops/direction.hpp"
#include "ops/masked_weights.hpp"
#include "ops/ops.hpp"
#include "runtime/kernel.hpp"

namespace descend {

namespace {

// Lines of a block of terms of a weight gradient, at most: so many of three
// panels fit the first-level cache.
constexpr long kRunLines = 224;
// Channels of one tile of a weight gradient.
template <class T>
constexpr int kRunRows = kVectorBytes == 64 ? 8 : kTileRows<T, 1>;

template <class T>
class Convolution final : public Op<T> {
 public:
  Convolution(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : Op<T>(s, plan),
        weight_(placement[static_cast<std::size_t>(s.weight)]),
        bias_(s.bias >= 0 ? placement[static_cast<std::size_t>(s.bias)] : Placement{}),
        trainable_(plan.trains(s.weight) || plan.trains(s.bias)),
        kernel_(plan.parameters[static_cast<std::size_t>(s.weight)]),
        masked_(s, plan, s.weight, s.input != plan.input),
        forward_(direction(s.to_image, this->in_width, s.transposed)),
        backward_(direction(!s.to_image, this->out_width, !s.transposed)) {}

  bool by_panel() const override { return false; }
  bool at_once(long) const override { return true; }
  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }
  bool prepares() const override { return masked_.active(); }
  void prepare(const Pass<T>& pass) const override {
    masked_.prepare(pass, pass.weights + weight_.offset, this->scratch(pass));
  }
  long scratch_size(long, int) const override { return masked_.size(); }
  double multiply_adds() const override {
    const long grid = this->spec.window.grid_height * this->spec.window.grid_width;
    return static_cast<double>(grid * kernel_.taps * (kernel_.in / kernel_.groups) * kernel_.out);
  }
  long work_size(bool training) const override {
    return forward_.canvas_size() + (training ? backward_.canvas_size() + kernel_.taps * P * P * kTapPanels : 0);
  }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const bool transposed = this->spec.transposed;
    const T* const weights = matrix(pass, transposed);
    each_row(rows, [&](long r) {
      forward_.run(row(this->in(pass, r * this->in_positions), r, this->in_positions), in_stride(pass),
                   this->work(pass), weights, panel(transposed),
                   row(this->out(pass, r * this->out_positions), r, this->out_positions), out_stride(pass),
                   panels<T>(this->out_width), target_width(false),
                   this->spec.bias >= 0 ? pass.weights + bias_.offset : nullptr,
                   [&](long o) { return transposed ? kernel_.first_output(o) : kernel_.first_input(o); });
    });
  }

  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    const bool transposed = !this->spec.transposed;
    const T* const weights = matrix(pass, transposed);
    each_row(rows, [&](long r) {
      backward_.run(row(this->out_gradient(pass, r * this->out_positions), r, this->out_positions), out_stride(pass),
                    this->work(pass) + forward_.canvas_size(), weights, panel(transposed),
                    row(this->in_gradient(pass, r * this->in_positions), r, this->in_positions), in_stride(pass),
                    panels<T>(this->in_width), target_width(true), nullptr,
                    [&](long i) { return transposed ? kernel_.first_output(i) : kernel_.first_input(i); });
    });
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!this->owns_weight) {
      const Panels outputs{0, panels<T>(this->out_width)};
      const auto numbers = static_cast<double>(batch * this->out_positions * outputs.last * P);
      if (updates_bias()) tasks.push_back({op, {0, 0}, outputs, 2 * numbers});
      return;
    }
    const long in = panels<T>(kernel_.rows), out = panels<T>(this->out_width);
    const long step = kernel_.groups == 1 ? kTaskOutputs : 1;
    constexpr double update = 48;  // see Dense
    const auto rows = static_cast<double>(batch);
    double lines = rows * static_cast<double>(grid_lines());
    for (const Op<T>* other : this->partners) lines += rows * static_cast<double>(cast(other).grid_lines());
    for (long o = 0; o < out; o += step)
      for (long i = 0; i < in; i++) {
        const Panels outputs{o, std::min(out, o + step)};
        const auto units = static_cast<double>((outputs.last - outputs.first) * P);
        const double bias = i == 0 && updates_bias() ? 2 * rows * static_cast<double>(this->out_positions) * units : 0;
        const auto weights = static_cast<double>(kernel_.taps * kernel_.block_rows(i)) * units;
        tasks.push_back({op, {i, i + 1}, outputs, weights * (lines + update) + bias});
      }
  }

  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override {
    // Where nobody else's gradient belongs to it, the bias is summed while the output's is at hand for the weights.
    const bool aside = sums_bias() && task.inputs.first == 0;
    alignas(64) T bias[kTaskOutputs * P] = {};
    for (long i = task.inputs.first; i < task.inputs.last; i++)  // none where another op owns the weight
      for (long o = task.outputs.first; o < task.outputs.last; o += kTapPanels)
        with_constant<kTapPanels>(std::min<long>(kTapPanels, task.outputs.last - o), [&](auto n) {
          T* const to = aside ? bias + (o - task.outputs.first) * P : nullptr;
          update_block<decltype(n)::value>(pass, i, o, to, update);
        });
    if (!updates_bias() || task.inputs.first > 0) return;
    for (long o = task.outputs.first; o < task.outputs.last; o++) {
      if (!aside) {
        update_bias(*this, pass, bias_, o, update);
        continue;
      }
      T* const from = bias + (o - task.outputs.first) * P;
      T* const g = update.gradient(bias_.offset + o * P, from);
      if (update.computes() && g != from) std::copy_n(from, P, g);
      update.commit(this->spec.bias, bias_.offset + o * P, g, P);
    }
  }

 private:
  static constexpr long P = kPanel<T>;
  static constexpr long kTaskOutputs = 2;  // panels: the same tasks for all instruction sets

  bool updates_bias() const { return this->spec.bias >= 0 && this->owns_bias; }
  // Only on the side of the grid, whose lines the weights' gradient goes through.
  bool sums_bias() const {
    if (!this->owns_weight || !updates_bias() || from_grid() || this->spec.transposed) return false;
    for (const Op<T>* other : this->partners)
      if (other->spec.bias == this->spec.bias) return false;
    return true;
  }

  // Products with the weights, or with their transpose.
  Direction<T> direction(bool to_image, long channels, bool transposed) const {
    const Sliding sliding = to_image ? grid_to_image(this->spec.window) : image_to_grid(this->spec.window);
    if (!transposed) return {sliding, channels, kernel_.rows, kernel_.rows * P};
    return {sliding, channels, kernel_.groups == 1 ? channels : kernel_.columns, kernel_.transposed_tap()};
  }

  // The weights or their transpose, and the numbers between two panels of either.
  const T* matrix(const Pass<T>& pass, bool transposed) const {
    if (transposed)
      return masked_.active() ? masked_.transposed(this->scratch(pass)) : pass.transposed + weight_.transposed;
    return pass.training && masked_.active() ? masked_.weights(this->scratch(pass)) : pass.weights + weight_.offset;
  }
  long panel(bool transposed) const { return transposed ? kernel_.columns * P : kernel_.panel(); }

  long in_stride(const Pass<T>& pass) const { return pass.arena->stride(this->in_positions); }
  long out_stride(const Pass<T>& pass) const { return pass.arena->stride(this->out_positions); }
  long grid_lines() const { return this->spec.window.grid_height * this->spec.window.grid_width; }
  long image_lines() const { return this->spec.window.image_height * this->spec.window.image_width; }
  // Of the image or grid that a direction writes.
  long target_width(bool backward) const {
    return this->spec.to_image != backward ? this->spec.window.image_width : this->spec.window.grid_width;
  }

  template <class Body>
  void each_row(Rows lines, Body&& body) const {
    for (long r = lines.first / this->in_positions; r < lines.last / this->in_positions; r++) body(r);
  }
  template <class U>
  static U* row(U* value, long r, long positions) {
    return value + r * positions * P;
  }

  // The weights of panel u of the rows (see Kernel) and N panels of outputs
  // from o, all taps. bias: see add_use.
  template <int N>
  void update_block(const Pass<T>& pass, long u, long o, T* bias, Update<T>& update) const {
    const long i = kernel_.first_input(o) + u, count = kernel_.block_rows(u);
    if (i >= panels<T>(this->in_width)) return;  // nobody reads it
    // (taps, N, P, P), from which each tap's block goes where gradients are
    // collected.
    T* const sums = this->work(pass) + forward_.canvas_size() + backward_.canvas_size();
    // A transposed use reads its rows behind their end, where an activation need not have left zeros.
    bool spills = false;
    if (update.computes()) {
      add_use<N>(pass, i, o, count, sums, bias, false);
      for (const Op<T>* other : this->partners) {
        if (other->spec.weight != this->spec.weight) continue;
        cast(other).template add_use<N>(pass, i, o, count, sums, nullptr, true);
        spills |= other->spec.transposed;
      }
    }
    for (long n = 0; n < N; n++)
      for (long t = 0; t < kernel_.taps; t++) {
        const long offset = weight_.offset + kernel_.at(t, u, o + n);
        T* const from = sums + (t * N + n) * P * P;
        T* const g = update.gradient(offset, from);
        if (update.computes()) {
          if (kernel_.groups > 1 || (spills && kernel_.out < (o + n + 1) * P)) mask(from, i, o + n);
          if (masked_.active()) masked_.mask(pass, t, u, o + n, from);
          if (g != from) std::copy(from, from + count * P, g);
        }
        update.commit(this->spec.weight, offset, g, count * P);
        const long to = this->keeps_transposed && weight_.transposed >= 0 ? kernel_.transposed_at(t, u, o + n) : -1;
        if (to >= 0 && update.applies()) update.transpose(offset, count, update.transposed() + weight_.transposed + to);
      }
  }

  static const Convolution& cast(const Op<T>* other) { return *static_cast<const Convolution*>(other); }

  // What this place of the layer gives panel i of inputs and N panels of outputs, stored or added; and to the bias of
  // those (null: not wanted), added.
  template <int N>
  void add_use(const Pass<T>& pass, long i, long o, long count, T* sums, T* bias, bool added) const {
    const long width = this->spec.window.width;
    const bool by_row = count == 1 && !from_grid() && width > 1 && width <= kRunRows<T>;
    each_block(pass.rows, [&](long r, long images, long y, long height) {
      const Rows rows{r, r + images};
      const bool first = r == 0 && y == 0 && !added;
      for (long t = 0; t < kernel_.taps; t += by_row ? width : 1) {
        T* const to = sums + t * N * P * P;
        const long ky = t / width;
        const WindowSpec& w = this->spec.window;
        Valid grid = valid_positions(ky, w.stride_y, w.dilation_y, w.top, w.image_height, w.grid_height);
        grid = {std::max(grid.first, y), std::min(grid.last, y + height)};
        if (by_row)
          add_tap_row<N>(pass, ky, i, o, rows, grid, to, first);
        else
          add_tap<N>(pass, t, i, o, count, rows, grid, to, first);
      }
      if (bias) add_bias<N>(pass, o, rows, {y, y + height}, bias);
    });
  }

  // Adds the gradients of N panels of outputs in some rows of the grid to sums (N, P).
  template <int N>
  void add_bias(const Pass<T>& pass, long o, Rows rows, Valid y, T* sums) const {
    const long width = this->spec.window.grid_width, lines = (rows.count() - 1) * grid_lines() + y.count() * width;
    const Side s = sides(pass, rows.first).columns;
    for (long n = 0; n < N; n++) {
      Vec<T> total[kPanelVecs<T>] = {};
      add_lines(s.first + (o + n) * s.panel + y.first * width * P, 0, lines, total);
      for (int v = 0; v < kPanelVecs<T>; v++) {
        T* const at = sums + n * P + v * kLanes<T>;
        store(at, load(at) + total[v]);
      }
    }
  }

  // Whether the weight's rows are read on the side of the grid.
  bool from_grid() const { return this->spec.to_image != this->spec.transposed; }

  // Calls body(first row, rows, first grid row, grid rows) for the blocks of
  // terms: several rows of the batch whole, or equal parts of one.
  template <class Body>
  void each_block(long rows, Body&& body) const {
    const WindowSpec& w = this->spec.window;
    long images = 1;
    while (2 * images * grid_lines() <= kRunLines && 2 * images <= kRowTermBlock) images *= 2;
    const long most = std::max(1L, kRunLines / w.grid_width), parts = (w.grid_height + most - 1) / most;
    for (long r = 0; r < rows; r += images)
      for (long p = 0; p < parts; p++) {
        const long y = w.grid_height * p / parts;
        body(r, std::min(images, rows - r), y, w.grid_height * (p + 1) / parts - y);
      }
  }

  // What a weight's rows and columns belong to: its inputs and the gradient of its outputs, or the other way round.
  struct Side {
    const T* first;         // of a row of the batch
    long positions, panel;  // numbers between two rows, and between two panels
  };
  struct Sides {
    Side rows, columns;
  };
  Sides sides(const Pass<T>& pass, long r) const {
    const Side in{row(this->in(pass, r * this->in_positions), r, this->in_positions), this->in_positions * P,
                  in_stride(pass)};
    const Side out{row(this->out_gradient(pass, r * this->out_positions), r, this->out_positions),
                   this->out_positions * P, out_stride(pass)};
    return this->spec.transposed ? Sides{out, in} : Sides{in, out};
  }

  // Adds what one block of terms gives tap t, panel i of inputs and N panels of
  // outputs to sums (N, P, P). y: the rows of the grid whose tap is there.
  template <int N>
  void add_tap(const Pass<T>& pass, long t, long i, long o, long count, Rows rows, Valid y, T* sums, bool first) const {
    const WindowSpec& w = this->spec.window;
    const long ky = t / w.width, kx = t % w.width;
    const Valid x = valid_positions(kx, w.stride_x, w.dilation_x, w.left, w.image_width, w.grid_width);
    if (y.first >= y.last || x.first >= x.last) {
      if (first) std::fill(sums, sums + N * P * P, T(0));
      return;
    }
    const Sides s = sides(pass, rows.first);
    const long image_line = (y.first * w.stride_y - w.top + ky * w.dilation_y) * w.image_width + x.first * w.stride_x -
                            w.left + kx * w.dilation_x;
    const long grid_line = y.first * w.grid_width + x.first;
    const bool from_grid = this->from_grid();
    Runs<T> runs{s.rows.first + i * s.rows.panel + (from_grid ? grid_line : image_line) * P,
                 s.columns.first + o * s.columns.panel + (from_grid ? image_line : grid_line) * P,
                 0,
                 0,
                 0,
                 0,
                 y.last - y.first,
                 x.last - x.first};
    const auto image_row = w.stride_y * w.image_width * P, image_step = w.stride_x * P, grid_row = w.grid_width * P;
    (from_grid ? runs.b_row : runs.a_row) = image_row;
    (from_grid ? runs.b_step : runs.a_step) = image_step;
    (from_grid ? runs.a_row : runs.b_row) = grid_row;
    (from_grid ? runs.a_step : runs.b_step) = P;
    if (image_row == runs.terms * image_step && grid_row == runs.terms * P) {  // one run
      runs.terms *= runs.rows;
      runs.rows = 1;
    }
    split_rows<kRunRows<T>>(count, [&](auto r, long from) {
      Runs<T> some = runs;
      some.a += from;
      run_tile<T, decltype(r)::value, N>(some, rows.count(), s.rows.positions, s.columns.positions, s.columns.panel,
                                         sums + from * P, P * P, first);
    });
  }

  // The same for one channel and all taps of a row of the window: sums (taps, N, P, P).
  template <int N>
  void add_tap_row(const Pass<T>& pass, long ky, long i, long o, Rows rows, Valid y, T* sums, bool first) const {
    const WindowSpec& w = this->spec.window;
    if (y.first >= y.last) {
      if (first) std::fill(sums, sums + w.width * N * P * P, T(0));
      return;
    }
    const Sides s = sides(pass, rows.first);
    const long image_line = (y.first * w.stride_y - w.top + ky * w.dilation_y) * w.image_width - w.left;
    const Runs<T> runs{s.rows.first + i * s.rows.panel + image_line * P,
                       s.columns.first + o * s.columns.panel + y.first * w.grid_width * P,
                       w.stride_y * w.image_width * P,
                       w.grid_width * P,
                       w.stride_x * P,
                       P,
                       y.last - y.first,
                       w.grid_width};
    with_constant<kRunRows<T>>(w.width, [&](auto r) {
      channel_tile<T, decltype(r)::value, N>(runs, rows.count(), s.rows.positions, s.columns.positions, s.columns.panel,
                                             w.dilation_x, w.left, w.image_width, sums, N * P * P, P * P, first);
    });
  }

  // Zeros where an output does not read an input, or is none.
  void mask(T* g, long i, long o) const {
    for (long r = 0; r < P; r++)
      for (long c = 0; c < P; c++)
        if (!kernel_.reads(o * P + c, i * P + r)) g[r * P + c] = T(0);
  }

  Placement weight_, bias_;
  bool trainable_;
  Kernel<T> kernel_;
  MaskedWeights<T> masked_;
  Direction<T> forward_, backward_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_convolution(const OpSpec& s, const PlanSpec& plan,
                                        const std::vector<Placement>& placement) {
  return std::make_unique<Convolution<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_convolution<float>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_convolution<double>(const OpSpec&, const PlanSpec&,
                                                              const std::vector<Placement>&);

}  // namespace descend
