// A convolution of every channel with taps of its own: z[c m + j] = sum over
// taps of x[c] w[k, c m + j] + b[c m + j] with m outputs for each channel.
// Lanes are channels, so the products are elementwise. Where m > 1 the copy of
// a row with zeros around it repeats each channel m times.
#include "ops/bias.hpp"
#include "ops/masked_weights.hpp"
#include "ops/ops.hpp"
#include "ops/window.hpp"

namespace descend {

namespace {

template <class T>
class Depthwise final : public Op<T> {
 public:
  Depthwise(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : Op<T>(s, plan),
        weight_(placement[static_cast<std::size_t>(s.weight)]),
        bias_(s.bias >= 0 ? placement[static_cast<std::size_t>(s.bias)] : Placement{}),
        trainable_(plan.trains(s.weight) || plan.trains(s.bias)),
        masked_(s, plan, s.weight, false),
        times_(this->out_width / this->in_width),
        taps_(s.window.taps()),
        forward_(image_to_grid(s.window)),
        backward_(grid_to_image(s.window)) {}

  bool by_panel() const override { return false; }
  bool at_once(long) const override { return true; }
  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }
  bool prepares() const override { return masked_.active(); }
  void prepare(const Pass<T>& pass) const override {
    masked_.prepare(pass, pass.weights + weight_.offset, this->scratch(pass));
  }
  long scratch_size(long, int) const override { return masked_.size(); }
  double multiply_adds() const override { return static_cast<double>(this->out_positions * this->out_width * taps_); }
  long work_size(bool training) const override {
    // A canvas of the input, one of the gradient, what is to be added up to the
    // input's gradient, and sums for each tap.
    return all_panels() * forward_.canvas.lines() * P +
           (training ? (all_panels() * (backward_.canvas.lines() + this->in_positions) + taps_) * P : 0);
  }

  void forward(const Pass<T>& pass, Rows lines, Panels) const override {
    T* const canvas = this->work(pass);
    each_row(lines, [&](long r) {
      for (long p = 0; p < all_panels(); p++) repeat(pass, r, p, canvas + p * forward_.canvas.lines() * P);
      slide(forward_, canvas, weights(pass), this->spec.bias >= 0 ? pass.weights + bias_.offset : nullptr,
            this->out(pass, r * this->out_positions) + r * this->out_positions * P,
            pass.arena->stride(this->out_positions), this->spec.window.grid_width);
    });
  }

  void backward(const Pass<T>& pass, Rows lines, Panels) const override {
    T* const canvas = this->work(pass) + all_panels() * forward_.canvas.lines() * P;
    T* const apart = canvas + all_panels() * backward_.canvas.lines() * P;
    const long stride = this->stride(pass);
    each_row(lines, [&](long r) {
      backward_.canvas.fill(this->out_gradient(pass, r * this->out_positions) + r * this->out_positions * P,
                            pass.arena->stride(this->out_positions), all_panels(), canvas);
      T* const dx = this->in_gradient(pass, r * this->in_positions) + r * this->in_positions * P;
      if (times_ == 1) return slide(backward_, canvas, weights(pass), nullptr, dx, stride, image_width());
      slide(backward_, canvas, weights(pass), nullptr, apart, this->in_positions * P, image_width());
      for (long c = 0; c < this->in_width; c++)
        for (long q = 0; q < this->in_positions; q++) {
          T sum = 0;
          for (long o = c * times_; o < (c + 1) * times_; o++)
            sum += apart[(o / P * this->in_positions + q) * P + o % P];
          dx[c / P * stride + q * P + c % P] = sum;
        }
    });
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!this->owns_weight) return;
    const auto lines = static_cast<double>(batch * this->out_positions);
    for (long p = 0; p < all_panels(); p++)
      tasks.push_back({op, {p, p + 1}, {p, p + 1}, lines * static_cast<double>((taps_ + 2) * P)});
  }

  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override {
    const long p = task.inputs.first;
    T* const sums = this->work(pass) + work_size(true) - taps_ * P;
    if (update.computes()) {
      std::fill(sums, sums + taps_ * P, T(0));
      for (long r = 0; r < pass.rows; r++) add_row(pass, r, p, sums);
      for (const Op<T>* other : this->partners)
        for (long r = 0; r < pass.rows; r++) static_cast<const Depthwise*>(other)->add_row(pass, r, p, sums);
      if (masked_.active())
        for (long u = 0; u * P < taps_; u++) masked_.mask(pass, 0, u, p, sums + u * P * P);
    }
    const long offset = weight_.offset + p * taps_ * P;
    T* const g = update.gradient(offset, sums);
    if (g != sums && update.computes()) std::copy(sums, sums + taps_ * P, g);
    update.commit(this->spec.weight, offset, g, taps_ * P);
    if (this->spec.bias >= 0) update_bias(*this, pass, bias_, p, update);
  }

 private:
  static constexpr long P = kPanel<T>;
  static constexpr int kLines = 8, kTaps = 8;  // of a tile

  const T* weights(const Pass<T>& pass) const {
    return pass.training && masked_.active() ? masked_.weights(this->scratch(pass)) : pass.weights + weight_.offset;
  }
  long all_panels() const { return panels<T>(this->out_width); }
  long image_width() const { return this->spec.window.image_width; }

  template <class Body>
  void each_row(Rows lines, Body&& body) const {
    for (long r = lines.first / this->in_positions; r < lines.last / this->in_positions; r++) body(r);
  }

  // Panel p of the outputs' inputs in row r, with zeros around them.
  void repeat(const Pass<T>& pass, long r, long p, T* canvas) const {
    const T* const in = this->in(pass, r * this->in_positions) + r * this->in_positions * P;
    const Canvas& c = forward_.canvas;
    if (times_ == 1) return c.fill(in + p * this->stride(pass), this->stride(pass), 1, canvas);
    for (long y = 0; y < c.source_height; y++)
      for (long x = 0; x < c.source_width; x++)
        for (long o = p * P; o < std::min(this->out_width, (p + 1) * P); o++) {
          const long channel = o / times_;
          canvas[c.at(y + c.top, x + c.left) * P + o % P] =
              in[channel / P * this->stride(pass) + (y * c.source_width + x) * P + channel % P];
        }
  }

  void slide(const Sliding& s, const T* canvas, const T* weights, const T* bias, T* to, long stride, long width) const {
    for (long p = 0; p < all_panels(); p++)
      for (const TapClass& c : s.classes)
        for (long i = 0; i < c.rows; i++)
          split_rows<kLines>(c.columns, [&](auto n, long first) {
            tile<decltype(n)::value>(canvas + (p * s.canvas.lines() + i * c.row + first) * P, c.taps,
                                     weights + p * taps_ * P, bias ? bias + p * P : nullptr,
                                     to + p * stride + ((c.y + i * c.y_step) * width + c.x + first * c.x_step) * P,
                                     c.x_step * P);
          });
  }

  template <int R>
  static void tile(const T* a, const std::vector<Tap>& taps, const T* w, const T* bias, T* to, long step) {
    for (long v = 0; v < P; v += kLanes<T>) {
      Vec<T> acc[R];
      for (int r = 0; r < R; r++) acc[r] = bias ? load(bias + v) : Vec<T>{};
      for (const Tap& t : taps) {
        const Vec<T> x = load(w + t.index * P + v);
        for (int r = 0; r < R; r++) acc[r] = fma<T>(load(a + (t.line + r) * P + v), x, acc[r]);
      }
      for (int r = 0; r < R; r++) store(to + r * step + v, acc[r]);
    }
  }

  // Adds what row r gives panel p to sums (taps, P): a block of terms.
  void add_row(const Pass<T>& pass, long r, long p, T* sums) const {
    T* const canvas = this->work(pass);
    repeat(pass, r, p, canvas);
    const T* const dz = this->out_gradient(pass, r * this->out_positions) +
                        p * pass.arena->stride(this->out_positions) + r * this->out_positions * P;
    const TapClass& c = forward_.classes.front();
    split_rows<kTaps>(taps_, [&](auto n, long first) {
      constexpr int R = decltype(n)::value;
      for (long v = 0; v < P; v += kLanes<T>) {
        Vec<T> acc[R] = {};
        const T* at[R];
        for (int k = 0; k < R; k++) at[k] = canvas + c.taps[static_cast<std::size_t>(first + k)].line * P + v;
        for (long i = 0; i < c.rows; i++)
          for (long j = 0; j < c.columns; j++) {
            const Vec<T> g = load(dz + (i * c.columns + j) * P + v);
            for (int k = 0; k < R; k++) acc[k] = fma<T>(load(at[k] + (i * c.row + j) * P), g, acc[k]);
          }
        for (int k = 0; k < R; k++) {
          T* const to = sums + (first + k) * P + v;
          store(to, load(to) + acc[k]);
        }
      }
    });
  }

  Placement weight_, bias_;
  bool trainable_;
  MaskedWeights<T> masked_;
  long times_, taps_;
  Sliding forward_, backward_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_depthwise(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<Depthwise<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_depthwise<float>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_depthwise<double>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);

}  // namespace descend
