// Training: an element is replaced, where its random number is below the rate, by the same feature of another row of
// the batch. It reads the plan's input, so no gradient passes through.
#include "ops/ops.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

template <class T>
class SwapNoise final : public Op<T> {
 public:
  SwapNoise(const OpSpec& s, const PlanSpec& plan)
      : Op<T>(s, plan), threshold_(static_cast<uint64_t>(s.rate * 4294967296.0)) {}

  bool by_row() const override { return true; }

  void forward(const Pass<T>& pass, Rows lines, Panels) const override {
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
            y[o + i] = pass.data->X[(pass.source(static_cast<long>(row)) * q + line % q) * n + c + i];
          }
      });
    }
  }
  void backward(const Pass<T>&, Rows, Panels) const override {}

 private:
  uint64_t threshold_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_swap_noise(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<SwapNoise<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_swap_noise<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_swap_noise<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend
