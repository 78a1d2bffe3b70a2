// Training: an element is replaced, where its random number is below the rate, by the same feature of another row of
// the batch. Nothing before it is trained, so no gradient passes through.
#include "ops/ops.hpp"
#include "ops/other_row.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

template <class T>
class SwapNoise final : public Op<T> {
 public:
  SwapNoise(const OpSpec& s, const PlanSpec& plan)
      : Op<T>(s, plan), threshold_(static_cast<uint64_t>(s.rate * 4294967296.0)), reads_data_(s.input == plan.input) {}

  bool by_row() const override { return true; }
  // As in Mix.
  long parts(bool backward) const override { return reads_data_ || backward ? 1 : 2; }
  bool in_place() const override { return reads_data_; }

  void forward(const Pass<T>& pass, Rows lines, Panels part) const override {
    if (pass.training && part.first + 1 < parts(false)) return;
    const RandomKey which = random_key(pass, this->spec.stream),
                    from = random_key(pass, this->spec.stream ^ (uint64_t{1} << 63));
    const long n = this->in_width, q = this->in_positions;
    for (long line = lines.first; line < lines.last; line++) {
      const T* const x = this->in(pass, line) + line * kPanel<T>;
      T* const y = this->out(pass, line) + line * kPanel<T>;
      each_in_row<T>(n, this->stride(pass), [&](long o, long c) {
        store(y + o, load(x + o));
        if (!pass.training) return;
        const auto element = static_cast<uint32_t>(line * n + c);
        const VecU<T> bits = random_bits<T>(which, element), drawn = random_bits<T>(from, element);
        for (long i = 0; i < std::min<long>(kLanes<T>, n - c); i++)
          if (bits[i] < threshold_) {
            const uint64_t row = (static_cast<uint64_t>(drawn[i]) * static_cast<uint64_t>(pass.rows)) >> 32;
            const Other<T> other = other_row(*this, pass, static_cast<long>(row), line % q, reads_data_);
            y[o + i] = other.data ? other.data[c + i] : other.panel[o + i];
          }
      });
    }
  }
  void backward(const Pass<T>&, Rows, Panels) const override {}

 private:
  uint64_t threshold_;
  bool reads_data_;  // or rows that other ops have made
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_swap_noise(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<SwapNoise<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_swap_noise<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_swap_noise<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
