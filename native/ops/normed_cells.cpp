// The steps of cells that normalize their terms, and an LSTM what it shows of its memory: a = norm(x W) + b and
// q = norm(h U) in the place of x W + b and h U, tanh(norm(c) + beta) in that of tanh(c). See step_norms.hpp.
//
// In training all rows meet at every step, so the steps are parts between which threads wait for each other: a part
// finishes a step, begins the next and leaves the sums of what is to be normalized there. By running statistics, in
// inference and where nothing is trained, rows go through all steps by themselves.
#include "ops/cell_steps.hpp"
#include "ops/step_norms.hpp"

namespace descend {

namespace {

template <class T, Cell cell>
class NormedSteps final : public CellSteps<T, cell> {
  using Base = CellSteps<T, cell>;
  using Block = CellBlock<T>;
  using Norms = StepNorms<T>;
  using typename Recurrent<T>::Blocks;
  using Base::P, Base::K, Base::kTogether, Base::G, Base::lstm, Base::stride_;
  using Recurrent<T>::b_, Recurrent<T>::c_, Recurrent<T>::carried_, Recurrent<T>::da_, Recurrent<T>::dh_,
      Recurrent<T>::dq_, Recurrent<T>::inputs_, Recurrent<T>::state_terms_, Recurrent<T>::steps_, Recurrent<T>::terms_,
      Recurrent<T>::units_;
  static constexpr long kParts = lstm ? 2 : 1;  // of a step

 public:
  NormedSteps(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : Base(s, plan, placement), norms_(s, plan, placement, steps_) {}

  long parts(bool) const override { return this->spec.frozen ? 1 : kParts * steps_ + 1; }
  long scratch_size(long blocks, int threads) const override {
    return Base::scratch_size(blocks, threads) + norms_.shared_size(blocks) + threads * norms_.own_size();
  }
  long work_size(bool training) const override { return Base::work_size(training) + norms_.running_size(); }

  void forward(const Pass<T>& pass, Rows lines, Panels part) const override {
    if (!of_batch(pass)) {
      norms_.take_running(pass, own(pass));
      return Base::forward(pass, lines, part);
    }
    const Blocks blocks(*this, pass, {lines.first / steps_, lines.last / steps_});
    const long k = part.first, s = (k - 1) / kParts;
    if (k == 0) return begin_all(pass, blocks);
    if (lstm && k % 2 == 1)
      memories(pass, blocks, s, k);
    else
      states(pass, blocks, s, k);
  }

  void forward_totals(const Pass<T>& pass, long part) const override {
    const long k = part - 1, s = k / kParts;
    if (k == 0) {
      for (long i = 0; i < steps_; i++) norms_.total_forward(pass, shared(pass), own(pass), Norms::input, i, 0);
      norms_.first_state(pass, own(pass));
    } else if (lstm && k % 2 == 1) {
      norms_.total_forward(pass, shared(pass), own(pass), Norms::memory, s, k);
    } else if (s < steps_) {
      norms_.total_forward(pass, shared(pass), own(pass), Norms::state, s, k);
    }
  }

  void backward(const Pass<T>& pass, Rows lines, Panels part) const override {
    if (!of_batch(pass)) return Base::backward(pass, lines, part);
    const Blocks blocks(*this, pass, {lines.first / steps_, lines.last / steps_});
    const long k = part.first, s = steps_ - 1 - k / kParts;
    if (lstm && k % 2 == 1) return gates_back(pass, blocks, s, k);
    for (const Block& b : blocks)
      if (s + 1 < steps_) terms_back(pass, b, s + 1, {0, units_});
    if (s >= 0) return states_back(pass, blocks, s, k);
    for (const Block& b : blocks) this->end_backward(pass, b);
  }

  void backward_totals(const Pass<T>& pass, long part) const override {
    const long k = part - 1, s = steps_ - 1 - k / kParts;
    if (lstm && k % 2 == 0) return norms_.total_backward(pass, shared(pass), own(pass), Norms::memory, s, k);
    norms_.total_backward(pass, shared(pass), own(pass), Norms::input, s, k);
    norms_.total_backward(pass, shared(pass), own(pass), Norms::state, s, k);
  }

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    const std::size_t before = tasks.size();
    Base::add_tasks(op, batch, tasks);
    const long i = inputs_ + units_;
    if (tasks.size() > before && !this->spec.frozen)
      tasks.push_back({op, {i, i}, {0, 0}, static_cast<double>(norms_.own_size()) * 4});
  }

  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override {
    if (task.inputs.first < inputs_ + units_) return Base::update(pass, task, update);
    norms_.update(pass, own(pass), update);
  }

 protected:
  void step_forward(const Pass<T>& pass, const Block& b, long s, Panels units) const override {
    if (b.active(s) == 0) return;
    make_terms(pass, b, s, units);
    for (long u = units.first; u < units.last; u++) {
      new_step(pass, b, s, u);
      if (lstm) show_step(pass, b, s, u);
    }
  }

  void step_backward(const Pass<T>& pass, const Block& b, long s, Panels units) const override {
    this->each_gradient(pass, b, s, units, [&](long u, long o, Vec<T> dh, Vec<T> carried) {
      if constexpr (lstm)
        this->old_gates(b, s, u, o, dh, carried + memory_back(pass, b, s, u, o, dh));
      else
        this->old_state(b, s, u, o, dh, carried);
    });
    terms_back(pass, b, s, units);
  }

 private:
  bool of_batch(const Pass<T>& pass) const { return pass.training && !this->spec.frozen; }
  T* shared(const Pass<T>& pass) const { return this->scratch(pass) + Base::scratch_size(pass.arena->blocks, 0); }
  // The statistics in use.
  T* own(const Pass<T>& pass) const {
    if (!of_batch(pass)) return this->work(pass) + Base::work_size(pass.training);
    return shared(pass) + norms_.shared_size(pass.arena->blocks) + pass.thread * norms_.own_size();
  }
  typename Norms::Vector vector(const Pass<T>& pass, typename Norms::Kind kind, long s, long c) const {
    return of_batch(pass) ? norms_.backward(pass, own(pass), kind, s, c) : norms_.forward(pass, own(pass), kind, s, c);
  }
  static long number(const Block& b) { return b.first / kCellRows; }

  // h U of step s; 0 before the first.
  void make_terms(const Pass<T>& pass, const Block& b, long s, Panels units) const {
    T* const q = b.base + dq_ + units.first * G * stride_ + s * K;
    if (s > 0 || this->has_state(pass)) return this->state_product(pass, b, s, units, q, stride_);
    for (long p = 0; p < (units.last - units.first) * G; p++) std::fill(q + p * stride_, q + p * stride_ + K, T(0));
  }

  void begin_all(const Pass<T>& pass, const Blocks& blocks) const {
    for (const Block& b : blocks) {
      this->begin_block(pass, b);
      make_terms(pass, b, 0, {0, units_});
      for (long s = 0; s < steps_; s++)
        norms_.sum_forward(b.base + da_ + s * K, stride_, b.active(s), Norms::input,
                           norms_.forward_sums(shared(pass), number(b), Norms::input, s, 0));
    }
  }

  // An LSTM's memory of step s, and its sums.
  void memories(const Pass<T>& pass, const Blocks& blocks, long s, long part) const {
    for (const Block& b : blocks) {
      for (long u = 0; u < units_; u++) new_step(pass, b, s, u);
      norms_.sum_forward(b.base + c_ + (s + 1) * K, stride_, b.active(s), Norms::memory,
                         norms_.forward_sums(shared(pass), number(b), Norms::memory, s, part));
    }
  }

  // The states of step s, and the terms of the next with their sums.
  void states(const Pass<T>& pass, const Blocks& blocks, long s, long part) const {
    for (const Block& b : blocks)
      for (long u = 0; u < units_; u++) lstm ? show_step(pass, b, s, u) : new_step(pass, b, s, u);
    if (s + 1 == steps_) {
      for (const Block& b : blocks) this->end_states(pass, b);
      return;
    }
    for (long u = 0; u < units_; u++)
      for (const Block& b : blocks)
        if (b.active(s + 1) > 0) make_terms(pass, b, s + 1, {u, u + 1});
    for (const Block& b : blocks)
      norms_.sum_forward(b.base + dq_ + (s + 1) * K, stride_, b.active(s + 1), Norms::state,
                         norms_.forward_sums(shared(pass), number(b), Norms::state, s + 1, part));
  }

  // What a step makes of the normalized terms: the state, or an LSTM's memory.
  void new_step(const Pass<T>& pass, const Block& b, long s, long u) const {
    alignas(64) T q[G * K];
    const long n = b.active(s) * P;
    for (long gate = 0; gate < G; gate++)
      for (long v = 0; v < P; v += kLanes<T>) {
        const long panel = u * G + gate, c = panel * P + v;
        const auto x = norms_.forward(pass, own(pass), Norms::input, s, c),
                   h = norms_.forward(pass, own(pass), Norms::state, s, c);
        const Vec<T> bias = this->spec.bias >= 0 ? load(pass.weights + b_.offset + c) : Vec<T>{};
        for (long o = v; o < n; o += P) {
          const long at = panel * stride_ + s * K + o;
          store(b.base + terms_ + at, x.value(load(b.base + da_ + at)) + bias);
          store(q + gate * K + o, h.value(load(b.base + dq_ + at)));
        }
      }
    for (long o = 0; o < n; o += kLanes<T>)
      if constexpr (lstm)
        this->remember(b, s, u, o, q + o);
      else
        this->new_state(pass, b, s, u, o, q + o);
  }

  void show_step(const Pass<T>& pass, const Block& b, long s, long u) const {
    if constexpr (lstm)
      for (long v = 0; v < P; v += kLanes<T>) {
        const auto m = norms_.forward(pass, own(pass), Norms::memory, s, u * P + v);
        const Vec<T> beta = norms_.beta(pass, u * P + v);
        for (long o = v; o < b.active(s) * P; o += P) {
          const Vec<T> c = load(b.base + c_ + u * stride_ + (s + 1) * K + o);
          this->put(pass, b, s, u, o, this->show(b, s, u, o, m.value(c) + beta));
        }
      }
  }

  // The gradients of the states after step s, from them an LSTM's of what it shows, or those of the terms; their sums.
  void states_back(const Pass<T>& pass, const Blocks& blocks, long s, long part) const {
    for (long u = 0; u < units_; u += kTogether)
      for (const Block& b : blocks)
        this->each_gradient(pass, b, s, {u, std::min(units_, u + kTogether)},
                            [&](long unit, long o, Vec<T> dh, Vec<T> carried) {
                              if constexpr (lstm) {
                                store(b.base + dh_ + unit * K + o, dh);
                                store(b.base + carried_ + unit * K + o, carried);
                              } else {
                                this->old_state(b, s, unit, o, dh, carried);
                              }
                            });
    for (const Block& b : blocks)
      if constexpr (lstm)
        sum_back(pass, b, s, Norms::memory, part, [&](long u, long o) {
          return std::pair{load(b.base + c_ + u * stride_ + (s + 1) * K + o),
                           this->through_shown(b, s, u, o, load(b.base + dh_ + u * K + o), Vec<T>{})};
        });
      else
        sum_terms(pass, b, s, part);
  }

  // An LSTM's gradients of its gates at step s, and their sums.
  void gates_back(const Pass<T>& pass, const Blocks& blocks, long s, long part) const {
    if constexpr (lstm)
      for (const Block& b : blocks) {
        for (long u = 0; u < units_; u++)
          for (long o = 0; o < b.active(s) * P; o += kLanes<T>) {
            const Vec<T> dh = load(b.base + dh_ + u * K + o), carried = load(b.base + carried_ + u * K + o);
            this->old_gates(b, s, u, o, dh, carried + memory_back(pass, b, s, u, o, dh));
          }
        sum_terms(pass, b, s, part);
      }
  }

  // What the gradient of the state gives the memory through what is shown of it.
  Vec<T> memory_back(const Pass<T>& pass, const Block& b, long s, long u, long o, Vec<T> dh) const {
    const Vec<T> c = load(b.base + c_ + u * stride_ + (s + 1) * K + o);
    return vector(pass, Norms::memory, s, u * P + o % P).back(c, this->through_shown(b, s, u, o, dh, Vec<T>{}));
  }

  // The gradients of x W and h U at step s, in the place of these, from those of the normalized terms.
  void terms_back(const Pass<T>& pass, const Block& b, long s, Panels units) const {
    for (long p = units.first * G; p < units.last * G; p++)
      for (long v = 0; v < P; v += kLanes<T>) {
        const auto x = vector(pass, Norms::input, s, p * P + v), h = vector(pass, Norms::state, s, p * P + v);
        for (long o = v; o < b.active(s) * P; o += P) {
          const long at = p * stride_ + s * K + o;
          T *a = b.base + da_ + at, *q = b.base + dq_ + at;
          store(a, x.back(load(a), load(b.base + terms_ + at)));
          store(q, h.back(load(q), load(b.base + state_terms_ + at)));
        }
      }
  }

  void sum_terms(const Pass<T>& pass, const Block& b, long s, long part) const {
    const auto of = [&](long x, long dy) {
      return [this, &b, s, x, dy](long p, long o) {
        const long at = p * stride_ + s * K + o;
        return std::pair{load(b.base + x + at), load(b.base + dy + at)};
      };
    };
    sum_back(pass, b, s, Norms::input, part, of(da_, terms_));
    sum_back(pass, b, s, Norms::state, part, of(dq_, state_terms_));
  }

  // A block's sums of the gradient dy of what became of x; both(panel, place) gives x and dy.
  template <class Both>
  void sum_back(const Pass<T>& pass, const Block& b, long s, typename Norms::Kind kind, long part, Both&& both) const {
    T* const sums = norms_.backward_sums(shared(pass), number(b), kind, part);
    for (long c = 0; c < norms_.width(kind); c += kLanes<T>) {
      const auto x = norms_.forward(pass, own(pass), kind, s, c);
      Vec<T> sum{}, along{};
      for (long o = c % P; o < b.active(s) * P; o += P) {
        const auto [value, dy] = both(c / P, o);
        sum += dy;
        along = fma<T>(dy, x.normal(value), along);
      }
      store(sums + c, sum);
      store(sums + norms_.width(kind) + c, along);
    }
  }

  StepNorms<T> norms_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_normed_recurrent(const OpSpec& s, const PlanSpec& plan,
                                             const std::vector<Placement>& placement) {
  switch (s.cell) {
    case Cell::rnn: return std::make_unique<NormedSteps<T, Cell::rnn>>(s, plan, placement);
    case Cell::lstm: return std::make_unique<NormedSteps<T, Cell::lstm>>(s, plan, placement);
    case Cell::gru: return std::make_unique<NormedSteps<T, Cell::gru>>(s, plan, placement);
  }
  return nullptr;
}
template std::unique_ptr<Op<float>> make_normed_recurrent<float>(const OpSpec&, const PlanSpec&,
                                                                 const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_normed_recurrent<double>(const OpSpec&, const PlanSpec&,
                                                                   const std::vector<Placement>&);

}  // namespace descend
