// The steps of SimpleRNN, LSTM and GRU as they are, see cell_steps.hpp.
#include "ops/cell_steps.hpp"

namespace descend {

namespace {

template <class T, Cell cell>
class PlainSteps final : public CellSteps<T, cell> {
  using Base = CellSteps<T, cell>;
  using Base::P, Base::K, Base::kTogether, Base::G;

 public:
  using Base::Base;

 protected:
  // Step s of a block for some panels of units: the state's terms, and while they are in the cache the new state.
  void step_forward(const Pass<T>& pass, const CellBlock<T>& b, long s, Panels units) const override {
    alignas(64) T q[kTogether * K];
    const long n = b.active(s);
    if (n == 0) return;
    if (s == 0 && !this->has_state(pass))
      std::fill(q, q + kTogether * K, T(0));
    else
      this->state_product(pass, b, s, units, q, K);
    for (long u = units.first; u < units.last; u++)
      for (long o = 0; o < n * P; o += kLanes<T>) this->new_state(pass, b, s, u, o, q + (u - units.first) * G * K + o);
  }

  // The gradients of some panels of units after step s of a block, and from them those of the step's terms.
  void step_backward(const Pass<T>& pass, const CellBlock<T>& b, long s, Panels units) const override {
    this->each_gradient(pass, b, s, units,
                        [&](long u, long o, Vec<T> dh, Vec<T> carried) { this->old_state(b, s, u, o, dh, carried); });
  }
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_recurrent(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  if (!s.norms.empty()) return make_normed_recurrent<T>(s, plan, placement);
  switch (s.cell) {
    case Cell::rnn: return std::make_unique<PlainSteps<T, Cell::rnn>>(s, plan, placement);
    case Cell::lstm: return std::make_unique<PlainSteps<T, Cell::lstm>>(s, plan, placement);
    case Cell::gru: return std::make_unique<PlainSteps<T, Cell::gru>>(s, plan, placement);
  }
  return nullptr;
}
template std::unique_ptr<Op<float>> make_recurrent<float>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_recurrent<double>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);

}  // namespace descend
