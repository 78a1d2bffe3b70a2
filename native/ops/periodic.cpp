// sin(2 pi f x) and cos(2 pi f x) for each of a column's `count` learned frequencies f: first all sines of the column,
// then all cosines. With s and c the two, df = sum over rows of 2 pi x (c ds - s dc) and dx = sum over f of 2 pi f
// (...).
#include "ops/column_map.hpp"
#include "ops/update.hpp"

namespace descend {

namespace {

template <class T>
class Periodic final : public ColumnMap<T> {
 public:
  Periodic(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : ColumnMap<T>(s, plan),
        frequency_(this->offset_of(placement, s.weight)),
        count_(s.count),
        numbers_(this->slots() / 2),
        width_(padded<T>(numbers_)),
        trainable_(plan.trains(s.weight)) {}

  bool keeps_input() const override { return true; }
  bool trainable() const override { return trainable_; }

  // Per block of rows: the sums of the gradient.
  long scratch_size(long blocks, int) const override { return width_ * blocks; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass);
    this->each_row(pass, rows, [&](const T* x, T* y) {
      each_vector([&](long k, long n) {
        alignas(64) T sine[kLanes<T>], cosine[kLanes<T>];
        const Waves w = waves(pass, k, inputs(x, k, n, stride));
        store(sine, w.sine);
        store(cosine, w.cosine);
        for (long i = 0; i < n; i++) {
          y[this->at(this->to(slot(k + i)), stride)] = sine[i];
          y[this->at(this->to(slot(k + i) + count_), stride)] = cosine[i];
        }
      });
    });
  }

  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), block = this->block_lines(pass);
    for (long r = rows.first; r < rows.last; r++) {
      const T *x = this->in(pass, rows.first) + r * kPanel<T>,
              *dy = this->out_gradient(pass, rows.first) + r * kPanel<T>;
      T* dx = this->wants_input ? this->in_gradient(pass, rows.first) + r * kPanel<T> : nullptr;
      if (dx) start_row(dx, dy, stride);
      T* sums = this->scratch(pass) + r / block * width_;
      each_vector([&](long k, long n) {
        alignas(64) T ds[kLanes<T>] = {}, dc[kLanes<T>] = {}, part[kLanes<T>];
        for (long i = 0; i < n; i++) {
          ds[i] = dy[this->at(this->to(slot(k + i)), stride)];
          dc[i] = dy[this->at(this->to(slot(k + i) + count_), stride)];
        }
        const Vec<T> read = inputs(x, k, n, stride);
        const Waves w = waves(pass, k, read);
        const Vec<T> slope = T(6.28318530717958647692) * fma<T>(w.cosine, load(ds), -(w.sine * load(dc)));
        store(sums + k, fma<T>(slope, read, r % block == 0 ? Vec<T>{} : load(sums + k)));
        if (!dx) return;
        store(part, slope * load(pass.weights + frequency_ + k));
        for (long i = 0; i < n; i++) dx[this->at(this->from(slot(k + i)), stride)] += part[i];
      });
    }
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!trainable_) return;
    tasks.push_back({op,
                     {0, panels<T>(this->in_width)},
                     {0, 0},
                     static_cast<double>(width_) * (64 + static_cast<double>(batch) / kRowBlock)});
  }

  void update(const Pass<T>& pass, const Task&, Update<T>& update) const override {
    alignas(64) T scratch[kPanel<T>];
    for (long k = 0; k < width_; k += kPanel<T>) {
      T* g = update.gradient(frequency_ + k, scratch);
      if (update.computes())
        for (int v = 0; v < kPanel<T>; v += kLanes<T>) {
          Vec<T> total{};
          for (long b = 0; b < pass.row_blocks(); b++) total += load(this->scratch(pass) + b * width_ + k + v);
          store(g + v, total);
        }
      update.commit(this->spec.weight, frequency_ + k, g, kPanel<T>);
    }
  }

 private:
  struct Waves {
    Vec<T> sine, cosine;
  };

  // Of frequency k: the slot of its sine; that of its cosine is `count` further on.
  long slot(long k) const { return k / count_ * 2 * count_ + k % count_; }

  // Calls body(first frequency, how many) for each vector of them.
  template <class Body>
  void each_vector(Body&& body) const {
    for (long k = 0; k < numbers_; k += kLanes<T>) body(k, std::min<long>(kLanes<T>, numbers_ - k));
  }

  Vec<T> inputs(const T* x, long k, long n, long stride) const {
    alignas(64) T read[kLanes<T>] = {};
    for (long i = 0; i < n; i++) read[i] = x[this->at(this->from(slot(k + i)), stride)];
    return load(read);
  }

  Waves waves(const Pass<T>& pass, long k, Vec<T> x) const {
    Waves w;
    sine_cosine_of_turns<T>(x * load(pass.weights + frequency_ + k), w.sine, w.cosine);
    return w;
  }

  // The gradient of a row's inputs, so far of those that are copied.
  void start_row(T* dx, const T* dy, long stride) const {
    for (long c = 0; c < padded<T>(this->in_width); c++) dx[this->at(c, stride)] = 0;
    for (const auto& c : this->copied_) dx[this->at(c.from, stride)] += dy[this->at(c.to, stride)];
  }

  long frequency_, count_, numbers_;
  long width_;  // padded
  bool trainable_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_periodic(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<Periodic<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_periodic<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_periodic<double>(const OpSpec&, const PlanSpec&,
                                                           const std::vector<Placement>&);

}  // namespace descend
