#include "runtime/model.hpp"

#include <atomic>
#include <cmath>
#include <cstring>

#include "runtime/team.hpp"

namespace descend {

namespace {

// Rows one thread carries through all layers at a time in inference: a multiple of the row block and of the tile.
constexpr long kInferenceRows = 96;

}  // namespace

int useful_threads(double flops) {
  constexpr double per_thread = 4e6;  // about 40 microseconds of work: several meetings of the team long
  return static_cast<int>(std::max(1.0, std::min<double>(available_processors(), flops / per_thread)));
}

template <class T>
ArenaMemory<T>::ArenaMemory(const Program<T>& program, long capacity, int threads_, bool gradients) : threads(threads_) {
  arena.capacity = (capacity + kRowBlock - 1) / kRowBlock * kRowBlock;
  const std::size_t values = program.plan.widths.size();
  arena.value.assign(values, nullptr);
  arena.gradient.assign(values, nullptr);
  const auto make = [&](long count) {
    buffers_.emplace_back(count);
    return buffers_.back().get();
  };
  std::vector<bool> used(values, false);
  used[static_cast<std::size_t>(program.plan.input)] = true;
  for (const auto& op : program.ops) used[static_cast<std::size_t>(op->spec.output)] = true;
  const int prediction = program.plan.has_loss ? program.plan.loss.prediction : -1;
  for (std::size_t v = 0; v < values; v++) {
    if (!used[v]) continue;
    const long count = panels<T>(program.plan.widths[v]) * arena.stride();
    const auto home = static_cast<std::size_t>(program.value_home[v]);
    if (!arena.value[home]) arena.value[home] = make(count);
    arena.value[v] = arena.value[home];
  }
  for (std::size_t v = 0; v < values; v++) {
    if (!used[v] || static_cast<int>(v) == program.plan.input || !(gradients || static_cast<int>(v) == prediction)) continue;
    const auto home = static_cast<std::size_t>(program.gradient_home[v]);
    if (!arena.gradient[home]) arena.gradient[home] = make(panels<T>(program.plan.widths[v]) * arena.stride());
    arena.gradient[v] = arena.gradient[home];
  }
  const auto input = static_cast<std::size_t>(program.plan.input);
  if (!arena.gradient[input]) arena.gradient[input] = arena.gradient[static_cast<std::size_t>(program.gradient_home[input])];
  for (const auto& op : program.ops) {
    const long size = gradients ? op->scratch_size(arena.capacity, threads) : 0;
    arena.scratch.push_back(size ? make(size) : nullptr);
  }
  if (program.loss) arena.scratch.push_back(make(program.loss->scratch_size(arena.capacity, threads)));
}

template <class T>
Model<T>::Model(const PlanSpec& plan) : program(plan), weights_(program.size), transposed_(program.transposed_size) {}

template <class T>
void Model<T>::pack(const T* flat, T* out) const {
  constexpr int P = kPanel<T>;
  for (std::size_t i = 0; i < program.placement.size(); i++) {
    const ParameterSpec& p = program.plan.parameters[i];
    T* to = out + program.placement[i].offset;
    for (long c = 0; c < p.columns; c += P)
      for (long r = 0; r < p.rows; r++)
        std::memcpy(to + c * p.rows + r * P, flat + p.offset + r * p.columns + c,
                    static_cast<std::size_t>(std::min<long>(P, p.columns - c)) * sizeof(T));
  }
}

template <class T>
void Model<T>::unpack(const T* in, T* flat) const {
  constexpr int P = kPanel<T>;
  for (std::size_t i = 0; i < program.placement.size(); i++) {
    const ParameterSpec& p = program.plan.parameters[i];
    const T* from = in + program.placement[i].offset;
    for (long c = 0; c < p.columns; c += P)
      for (long r = 0; r < p.rows; r++)
        std::memcpy(flat + p.offset + r * p.columns + c, from + c * p.rows + r * P,
                    static_cast<std::size_t>(std::min<long>(P, p.columns - c)) * sizeof(T));
  }
}

template <class T>
void Model<T>::set_parameters(const T* flat) {
  pack(flat, weights_.get());
}

template <class T>
void Model<T>::refresh_transposed(const T* weights) {
  constexpr int P = kPanel<T>;
  for (std::size_t i = 0; i < program.placement.size(); i++) {
    const Placement& place = program.placement[i];
    if (place.transposed < 0) continue;
    const ParameterSpec& p = program.plan.parameters[i];
    for (long o = 0; o < panels<T>(p.columns); o++)
      for (long k = 0; k < panels<T>(p.rows); k++)
        transpose_panel<T>(weights + place.offset + (o * p.rows + k * P) * P, columns_of<T>(p.rows, k),
                           transposed_.get() + place.transposed + (k * padded<T>(p.columns) + o * P) * P);
  }
}

template <class T>
void Model<T>::start(const OptimizerSpec& optimizer, uint64_t seed, uint64_t step, const T* slots) {
  optimizer_ = optimizer;
  seed_ = seed;
  step_ = step;
  const long flat = [&] {
    long n = 0;
    for (const ParameterSpec& p : program.plan.parameters) n += p.rows * p.columns;
    return n;
  }();
  for (int i = 0; i < 3; i++) {
    slots_[i] = i < optimizer.slots() ? Buffer<T>(program.size) : Buffer<T>();
    if (slots && i < optimizer.slots()) pack(slots + i * flat, slots_[i].get());
  }
  look_ahead_ = optimizer.kind == OptimizerKind::nesterov ? Buffer<T>(program.size) : Buffer<T>();
  gradient_ = std::isfinite(optimizer.clip_norm) ? Buffer<T>(program.size) : Buffer<T>();
}

template <class T>
double Model<T>::penalty() const {
  double sum = 0;
  for (std::size_t i = 0; i < program.placement.size(); i++) {
    const ParameterSpec& p = program.plan.parameters[i];
    if (!p.trainable || (p.l1 == 0 && p.l2 == 0)) continue;
    double absolute = 0, squared = 0;
    for (long k = 0; k < program.placement[i].size; k++) {
      const double w = static_cast<double>(weights_[program.placement[i].offset + k]);
      absolute += std::fabs(w);
      squared += w * w;
    }
    sum += p.l1 * absolute + p.l2 * squared;
  }
  return sum;
}

template <class T>
void Model<T>::gather(const Pass<T>& pass, Rows rows) const {
  constexpr int P = kPanel<T>;
  const long width = program.plan.widths[static_cast<std::size_t>(program.plan.input)], stride = pass.arena->stride();
  T* to = pass.arena->value[static_cast<std::size_t>(program.plan.input)];
  for (long r = rows.first; r < rows.last; r++) {
    const T* from = pass.data->X + pass.source(r) * width;
    for (long p = 0; p < panels<T>(width); p++)
      std::memcpy(to + p * stride + r * P, from + p * P, static_cast<std::size_t>(columns_of<T>(width, p)) * sizeof(T));
  }
}

template <class T>
std::unique_ptr<ArenaMemory<T>> Model<T>::borrow(long capacity, bool gradients) const {
  {
    const std::lock_guard hold(lock_);
    for (auto& memory : idle_)
      if (memory && memory->arena.capacity >= capacity) {
        auto found = std::move(memory);
        memory = std::move(idle_.back());
        idle_.pop_back();
        return found;
      }
  }
  return std::make_unique<ArenaMemory<T>>(program, capacity, 1, gradients);
}

template <class T>
void Model<T>::give_back(std::unique_ptr<ArenaMemory<T>> memory) const {
  constexpr std::size_t most = 16;
  const std::lock_guard hold(lock_);
  if (idle_.size() < most) idle_.push_back(std::move(memory));
}

template <class T>
template <class Each>
void Model<T>::infer(const std::vector<Phase<T>>& phases, const Data<T>& data, int threads, bool gradients, Each&& each) const {
  const long chunks = (data.rows + kInferenceRows - 1) / kInferenceRows;
  std::vector<std::unique_ptr<ArenaMemory<T>>> memory;
  for (int t = 0; t < threads; t++) memory.push_back(borrow(std::min(data.rows, kInferenceRows), gradients));
  std::atomic<long> next{0};
  Team::run(threads, [&](int t) {
    for (long c; (c = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) {
      const long first = c * kInferenceRows, rows = std::min(kInferenceRows, data.rows - first);
      const Pass<T> pass{&memory[static_cast<std::size_t>(t)]->arena, weights_.get(), nullptr, false, 0, 1, rows, 0, 0, nullptr,
                         first, &data, 0};
      gather(pass, {0, rows});
      for (const Phase<T>& phase : phases) run_phase(phase, pass, {0, rows}, kInferenceRows);
      each(pass, first);
    }
  });
  for (auto& m : memory) give_back(std::move(m));
}

template <class T>
void Model<T>::predict(const T* X, long rows, T* out, int threads) const {
  constexpr int P = kPanel<T>;
  const long width = program.plan.widths[static_cast<std::size_t>(program.plan.output)];
  const double flops = program.flops_forward * static_cast<double>(rows);
  Data<T> data;
  data.X = X;
  data.rows = rows;
  infer(program.inference, data, threads > 0 ? threads : useful_threads(flops), false, [&](const Pass<T>& pass, long first) {
    const T* from = pass.arena->value[static_cast<std::size_t>(program.plan.output)];
    for (long r = 0; r < pass.rows; r++)
      for (long p = 0; p < panels<T>(width); p++)
        std::memcpy(out + (first + r) * width + p * P, from + p * pass.arena->stride() + r * P,
                    static_cast<std::size_t>(columns_of<T>(width, p)) * sizeof(T));
  });
}

template <class T>
double Model<T>::evaluate(const Data<T>& data, int threads) const {
  const long blocks = (data.rows + kRowBlock - 1) / kRowBlock;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  const double flops = program.flops_forward * static_cast<double>(data.rows);
  infer(program.evaluation, data, threads > 0 ? threads : useful_threads(flops), false, [&](const Pass<T>& pass, long first) {
    std::memcpy(sums.data() + first / kRowBlock, pass.arena->scratch[static_cast<std::size_t>(program.loss->index)],
                static_cast<std::size_t>(pass.row_blocks()) * sizeof(double));
  });
  double loss = 0, weight = data.weight ? 0 : static_cast<double>(data.rows);
  for (const double s : sums) loss += s;
  if (data.weight)
    for (long r = 0; r < data.rows; r++) weight += static_cast<double>(data.weight[r]);
  loss = weight > 0 ? loss / weight : 0;
  return (program.plan.loss.kind == LossKind::rmse ? std::sqrt(loss) : loss) + penalty();
}

template class ArenaMemory<float>;
template class ArenaMemory<double>;
template class Model<float>;
template class Model<double>;

}  // namespace descend
