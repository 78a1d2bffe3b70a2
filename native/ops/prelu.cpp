// max(0, x) + slope * min(0, x) with a learned slope per column: d slope = sum over rows of dy * min(0, x).
#include "ops/ops.hpp"
#include "ops/update.hpp"

namespace descend {

namespace {

template <class T>
class PReLU final : public Op<T> {
 public:
  PReLU(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : Op<T>(s, plan),
        width_(padded<T>(this->in_width)),
        slope_(placement[static_cast<std::size_t>(s.weight)]),
        trainable_(plan.trains(s.weight)) {}

  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }

  // A sum of dy * min(0, x) per block of rows.
  long scratch_size(long blocks, int) const override { return width_ * blocks; }

  void forward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T* in = this->in(pass, rows.first);
    T* out = this->out(pass, rows.first);
    each(pass, rows, p, [&](long o, long c) {
      const Vec<T> x = load(in + o);
      store(out + o, x > T(0) ? x : x * load(pass.weights + slope_.offset + c));
    });
  }

  void backward(const Pass<T>& pass, Rows rows, Panels p) const override {
    const T *in = this->in(pass, rows.first), *dy = this->out_gradient(pass, rows.first);
    T* dx = this->in_gradient(pass, rows.first);
    const long block = this->block_lines(pass);
    for (long b = rows.first; b < rows.last; b += block) {
      T* sums = this->scratch(pass) + b / block * width_;
      for (long c = p.first * kPanel<T>; c < p.last * kPanel<T>; c += kLanes<T>) store(sums + c, Vec<T>{});
      each(pass, {b, std::min(rows.last, b + block)}, p, [&](long o, long c) {
        const Vec<T> x = load(in + o), g = load(dy + o);
        store(sums + c, fma<T>(g, x > T(0) ? Vec<T>{} : x, load(sums + c)));
        store(dx + o, x > T(0) ? g : g * load(pass.weights + slope_.offset + c));
      });
    }
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!trainable_ || !this->owns_weight) return;
    tasks.push_back({op,
                     {0, panels<T>(this->in_width)},
                     {0, 0},
                     static_cast<double>(width_) * (64 + static_cast<double>(batch) / kRowBlock)});
  }

  void update(const Pass<T>& pass, const Task&, Update<T>& update) const override {
    alignas(64) T scratch[kPanel<T>];
    for (long c = 0; c < width_; c += kPanel<T>) {
      T* g = update.gradient(slope_.offset + c, scratch);
      if (update.computes()) {
        std::fill(g, g + kPanel<T>, T(0));
        add_blocks(pass, c, g);
        for (const Op<T>* other : this->partners) static_cast<const PReLU*>(other)->add_blocks(pass, c, g);
      }
      update.commit(this->spec.weight, slope_.offset + c, g, kPanel<T>);
    }
  }

 private:
  void add_blocks(const Pass<T>& pass, long c, T* g) const {
    for (long b = 0; b < pass.row_blocks(); b++)
      for (int i = 0; i < kPanel<T>; i++) g[i] += this->scratch(pass)[b * width_ + c + i];
  }

  template <class Body>
  void each(const Pass<T>& pass, Rows rows, Panels p, Body&& body) const {
    for (long panel = p.first; panel < p.last; panel++)
      for (long r = rows.first; r < rows.last; r++)
        for (long v = 0; v < kPanel<T>; v += kLanes<T>)
          body(panel * this->stride(pass) + r * kPanel<T> + v, panel * kPanel<T> + v);
  }

  long width_;  // padded
  Placement slope_;
  bool trainable_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_prelu(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<PReLU<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_prelu<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_prelu<double>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);

}  // namespace descend
