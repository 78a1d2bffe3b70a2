#include "runtime/model.hpp"

#include <atomic>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "runtime/denormals.hpp"
#include "runtime/kernel.hpp"
#include "runtime/team.hpp"

namespace descend {

namespace {

// Rows one thread carries through all layers at a time in inference: a multiple of the row block and of the tile.
constexpr long kInferenceRows = 64;
// The same where a row has many positions.
constexpr long kImageRows = 16;

}  // namespace

int useful_threads(double flops, double least) {
  return static_cast<int>(std::max(1.0, std::min<double>(available_processors(), flops / least)));
}

// Lays buffers out one after the other, each on a cache line, in one piece of memory.
template <class T>
class Layout {
 public:
  void add(T** place, long count) {
    parts_.push_back({place, size_});
    size_ += padded<T>(count);
  }

  Buffer<T> allocate() const {
    Buffer<T> memory(size_);
    for (const auto& [place, offset] : parts_) *place = memory.get() + offset;
    return memory;
  }

 private:
  std::vector<std::pair<T**, long>> parts_;
  long size_ = 0;
};

template <class T>
ArenaMemory<T>::ArenaMemory(const Program<T>& program_, long capacity, int threads_, bool gradients)
    : program(program_), threads(threads_) {
  constexpr long group = kRowTermBlock;  // rows that a thread carries through the layers together
  arena.capacity = (capacity + kRowBlock - 1) / kRowBlock * kRowBlock;
  if (arena.capacity > group) arena.capacity = (capacity + group - 1) / group * group;
  arena.group = std::min(arena.capacity, group);
  arena.blocks = arena.capacity / program.row_block;
  const std::size_t values = program.plan.widths.size();
  arena.value.assign(values, nullptr);
  arena.gradient.assign(values, nullptr);
  arena.scratch.assign(program.ops.size() + (program.loss ? 1 : 0), nullptr);
  arena.work.assign(program.ops.size(), nullptr);
  const auto home = [](const std::vector<int>& homes, std::size_t v) { return static_cast<std::size_t>(homes[v]); };
  std::vector<bool> value(values, false), gradient(values, false);  // the homes that need memory
  value[home(program.value_home, static_cast<std::size_t>(program.plan.input))] = !program.sparse;
  for (const auto& op : program.ops) {
    value[home(program.value_home, static_cast<std::size_t>(op->spec.output))] = true;
    if (gradients) gradient[home(program.gradient_home, static_cast<std::size_t>(op->spec.output))] = true;
  }
  if (program.loss)
    gradient[home(program.gradient_home, static_cast<std::size_t>(program.plan.loss.prediction))] = true;

  Layout<T> layout;
  for (std::size_t v = 0; v < values; v++) {
    const long positions = program.plan.positions_of(static_cast<int>(v));
    const long count = padded<T>(program.plan.widths[v]) * positions * arena.capacity;
    if (value[v]) layout.add(&arena.value[v], count);
    if (gradient[v] && program.gradient_on_value[v] < 0) layout.add(&arena.gradient[v], count);
  }
  if (program.sparse && gradients) arena.columns = &columns;
  if (gradients)
    for (std::size_t i = 0; i < program.ops.size(); i++)
      if (const long size = program.ops[i]->scratch_size(arena.blocks, threads)) layout.add(&arena.scratch[i], size);
  for (std::size_t i = 0; i < program.ops.size(); i++)
    if (const long size = program.ops[i]->work_size(gradients)) layout.add(&arena.work[i], padded<T>(size) * threads);
  if (program.loss) layout.add(&arena.scratch.back(), program.loss->scratch_size(arena.blocks, threads));
  memory_ = layout.allocate();
  for (std::size_t v = 0; v < values; v++) {
    arena.value[v] = arena.value[home(program.value_home, v)];
    const std::size_t gradient_home = home(program.gradient_home, v);
    const int on_value = program.gradient_on_value[gradient_home];
    arena.gradient[v] = arena.gradient[gradient_home];
    if (gradients && on_value >= 0) arena.gradient[v] = arena.value[static_cast<std::size_t>(on_value)];
  }
}

template <class T>
TrainingBuffers<T>::TrainingBuffers(const Program<T>& program, const OptimizerSpec& optimizer) {
  Layout<T> layout;
  if (!program.reads_transposed) layout.add(&transposed, program.transposed_size);
  for (int i = 0; i < optimizer.slots(); i++) layout.add(&slots[i], program.size);
  if (optimizer.kind == OptimizerKind::nesterov) layout.add(&look_ahead, program.size);
  if (std::isfinite(optimizer.clip_norm)) layout.add(&gradient, program.size);
  memory = layout.allocate();
}

template <class T>
Model<T>::Model(const PlanSpec& plan) : program(plan), plan_(plan), weights_(program.size) {
  if (Program<T>::takes_sparse_rows(plan)) sparse_program_ = std::make_unique<Program<T>>(plan, true);
  if (program.reads_transposed) transposed_ = Buffer<T>(program.transposed_size);
}

template <class T>
const Program<T>& Model<T>::program_for(const Data<T>& data) const {
  if (!data.sparse()) return program;
  if (!sparse_program_) throw std::invalid_argument("sparse rows need a dense layer first");
  return *sparse_program_;
}

template <class T>
const Program<T>& Model<T>::every_value(const Data<T>& data) const {
  const Program<T>& fused = program_for(data);
  const std::lock_guard hold(idle_lock_);
  auto& whole = whole_program_[fused.sparse];
  if (!whole) whole = std::make_unique<Program<T>>(plan_, fused.sparse, false);
  return *whole;
}

// Calls body(place, place in the flat array, count) for every row of every panel of a parameter.
template <class T, class Body>
static void each_piece(const ParameterSpec& p, const Placement& place, Body&& body) {
  constexpr int P = kPanel<T>;
  if (p.groups > 1) {
    const Kernel<T> kernel(p);
    long flat = p.offset;
    for (long t = 0; t < p.taps; t++)
      for (long c = 0; c < p.rows / p.taps; c++)
        for (long o = 0; o < p.columns; o++) body(place.offset + kernel.index(t, c, o), flat++, std::size_t{1});
    return;
  }
  const long units = p.columns / p.gates;
  for (long panel = 0; panel < place.panels; panel++) {
    const long unit = panel / p.gates * P, column = panel % p.gates * units + unit;
    for (long r = 0; r < p.rows; r++)
      body(place.offset + (panel * p.rows + r) * P, p.offset + r * p.columns + column,
           static_cast<std::size_t>(std::min<long>(P, units - unit)));
  }
}

template <class T>
void Model<T>::pack(const T* flat, T* out) const {
  for (std::size_t i = 0; i < program.placement.size(); i++)
    each_piece<T>(program.plan.parameters[i], program.placement[i], [&](long to, long from, std::size_t count) {
      std::memcpy(out + to, flat + from, count * sizeof(T));
    });
}

template <class T>
void Model<T>::unpack(const T* in, T* flat) const {
  for (std::size_t i = 0; i < program.placement.size(); i++)
    each_piece<T>(program.plan.parameters[i], program.placement[i],
                  [&](long from, long to, std::size_t count) { std::memcpy(flat + to, in + from, count * sizeof(T)); });
}

template <class T>
void Model<T>::set_parameters(const T* flat) {
  pack(flat, weights_.get());
  if (program.reads_transposed) refresh_transposed(weights_.get());
}

template <class T>
void Model<T>::refresh_transposed(const T* weights) {
  T* const to = program.reads_transposed ? transposed_.get() : training_.transposed;
  for (std::size_t i = 0; i < program.placement.size(); i++) {
    const Placement& place = program.placement[i];
    if (place.transposed < 0) continue;
    const Kernel<T> kernel(program.plan.parameters[i]);
    for (long o = 0; o < panels<T>(kernel.out); o++)
      for (long t = 0; t < kernel.taps; t++)
        for (long u = 0; u < panels<T>(kernel.rows); u++)
          if (const long at = kernel.transposed_at(t, u, o); at >= 0)
            transpose_panel<T>(weights + place.offset + kernel.at(t, u, o), kernel.block_rows(u),
                               to + place.transposed + at);
  }
}

template <class T>
long Model<T>::flat_size() const {
  long size = 0;
  for (const ParameterSpec& p : program.plan.parameters) size += p.rows * p.columns;
  return size;
}

template <class T>
void Model<T>::allocate_training(const OptimizerSpec& optimizer) {
  training_ = TrainingBuffers<T>();  // frees before it allocates
  training_ = TrainingBuffers<T>(program, optimizer);
  if (program.reads_transposed) training_.transposed = transposed_.get();
}

template <class T>
void Model<T>::start(const OptimizerSpec& optimizer, uint64_t seed, uint64_t step, const T* slots) {
  const std::lock_guard hold(training_lock_);
  optimizer_ = optimizer;
  seed_ = seed;
  step_ = step;
  allocate_training(optimizer);
  if (!slots) return;
  for (int i = 0; i < optimizer.slots(); i++) pack(slots + i * flat_size(), training_.slots[i]);
}

template <class T>
uint64_t Model<T>::get_state(T* slots) const {
  const std::lock_guard hold(training_lock_);
  for (int i = 0; i < optimizer_.slots(); i++) unpack(training_.slots[i], slots + i * flat_size());
  return step_;
}

template <class T>
double Model<T>::penalty(double weight_sum) const {
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
    const double share = !p.spread ? 1 : weight_sum != 0 ? 1 / weight_sum : 0;
    sum += share * (p.l1 * absolute + p.l2 * squared);
  }
  return sum;
}

template <class T>
void Model<T>::gather(const Pass<T>& pass, Rows rows) const {
  if (pass.data->sparse()) {
    if (pass.training) pass.arena->columns->fill(pass);
    return;
  }
  constexpr int P = kPanel<T>;
  const PlanSpec& plan = program.plan;
  const long width = plan.width(plan.input), positions = plan.positions_of(plan.input);
  if (positions > 1) return gather_lines(pass, rows);
  const long stride = pass.arena->stride(positions);
  T* const input = pass.arena->value[static_cast<std::size_t>(program.plan.input)];
  constexpr long ahead = 8;  // rows come in random order: ask for them before they are needed
  const long whole = width / P, rest = width % P, group = pass.arena->group;
  for (long first = rows.first, last; first < rows.last; first = last) {
    last = std::min(rows.last, (first / group + 1) * group);
    T* const start = pass.arena->from(input, width, first, positions);
    for (long r = first; r < last; r++) {
      const T* from = pass.data->X + pass.source(r) * width;
      T* to = start + r * P;
      if (r + ahead < rows.last) {
        const T* later = pass.data->X + pass.source(r + ahead) * width;
        for (long c = 0; c < width; c += P) __builtin_prefetch(later + c);
      }
      for (long p = 0; p < whole; p++)
        for (int v = 0; v < P; v += kLanes<T>) store(to + p * stride + v, load_unaligned(from + p * P + v));
      for (int v = 0; v < rest; v += kLanes<T>)
        store(to + whole * stride + v, load_part(from + whole * P + v, rest - v));
    }
  }
}

// Rows of several lines: each lies in one piece, and so do the lines of a panel.
template <class T>
void Model<T>::gather_lines(const Pass<T>& pass, Rows rows) const {
  constexpr int P = kPanel<T>;
  const PlanSpec& plan = program.plan;
  const long width = plan.width(plan.input), positions = plan.positions_of(plan.input);
  const long stride = pass.arena->stride(positions);
  for (long r = rows.first; r < rows.last; r++) {
    const T* from = pass.data->X + pass.source(r) * width * positions;
    T* to = pass.arena->from(pass.arena->value[static_cast<std::size_t>(plan.input)], width, r * positions, positions) +
            r * positions * P;
    for (long p = 0; p < panels<T>(width); p++) {
      const long columns = columns_of<T>(width, p);
      for (long q = 0; q < positions; q++)
        for (long c = 0; c < columns; c++) to[p * stride + q * P + c] = from[q * width + p * P + c];
    }
  }
}

template <class T>
std::unique_ptr<ArenaMemory<T>> Model<T>::borrow(const Program<T>& wanted, long capacity, bool gradients) const {
  {
    const std::lock_guard hold(idle_lock_);
    for (auto& memory : idle_)
      if (memory && &memory->program == &wanted && memory->arena.capacity >= capacity) {
        auto found = std::move(memory);
        memory = std::move(idle_.back());
        idle_.pop_back();
        return found;
      }
  }
  return std::make_unique<ArenaMemory<T>>(wanted, capacity, 1, gradients);
}

template <class T>
void Model<T>::give_back(std::unique_ptr<ArenaMemory<T>> memory) const {
  constexpr std::size_t most = 16;
  const std::lock_guard hold(idle_lock_);
  if (idle_.size() < most) idle_.push_back(std::move(memory));
}

template <class T>
template <class Each>
void Model<T>::infer(const std::vector<Phase<T>>& phases, const Data<T>& data, int threads, bool gradients,
                     Each&& each) const {
  const long most = program.row_block < kRowBlock ? kImageRows : kInferenceRows;
  const long chunks = (data.rows + most - 1) / most;
  std::vector<std::unique_ptr<ArenaMemory<T>>> memory;
  for (int t = 0; t < threads; t++) memory.push_back(borrow(program_for(data), std::min(data.rows, most), gradients));
  std::atomic<long> next{0};
  Team::run(threads, [&](int t) {
    const FlushDenormals flush;
    for (long c; (c = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) {
      const long first = c * most, rows = std::min(most, data.rows - first);
      const Pass<T> pass{&memory[static_cast<std::size_t>(t)]->arena,
                         weights_.get(),
                         transposed_.get(),
                         false,
                         0,
                         1,
                         rows,
                         0,
                         0,
                         nullptr,
                         first,
                         &data,
                         0,
                         program.row_block};
      gather(pass, {0, rows});
      for (const Phase<T>& phase : phases) run_phase(phase, pass, {0, rows});
      each(pass, first);
    }
  });
  for (auto& m : memory) give_back(std::move(m));
}

template <class T>
void Model<T>::predict(const Data<T>& data, T* out, int threads) const {
  constexpr int P = kPanel<T>;
  const long width = program.plan.width(program.plan.output),
             positions = program.plan.positions_of(program.plan.output);
  const Program<T>& p = program_for(data);
  infer(p.inference, data, threads > 0 ? threads : useful_threads(p.forward_work(data), kWorkToWake), false,
        [&](const Pass<T>& pass, long first) {
          const T* from = pass.arena->value[static_cast<std::size_t>(program.plan.output)];
          for (long r = 0; r < pass.rows * positions; r++)
            for (long c = 0; c < panels<T>(width); c++)
              std::memcpy(out + (first * positions + r) * width + c * P,
                          from + c * pass.arena->stride(positions) + r * P,
                          static_cast<std::size_t>(columns_of<T>(width, c)) * sizeof(T));
        });
}

template <class T>
double Model<T>::evaluate(const Data<T>& data, int threads) const {
  const long block = program.row_block, blocks = (data.rows + block - 1) / block;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  const Program<T>& p = program_for(data);
  infer(p.evaluation, data, threads > 0 ? threads : useful_threads(p.forward_work(data), kWorkToWake), false,
        [&](const Pass<T>& pass, long first) {
          std::memcpy(sums.data() + first / block, pass.arena->scratch[static_cast<std::size_t>(program.loss->index)],
                      static_cast<std::size_t>(pass.row_blocks()) * sizeof(double));
        });
  double loss = 0, weight = data.weight ? 0 : static_cast<double>(data.rows);
  for (const double s : sums) loss += s;
  if (data.weight)
    for (long r = 0; r < data.rows; r++) weight += static_cast<double>(data.weight[r]);
  loss = weight != 0 ? loss / weight : 0;
  return program.plan.loss.scale * (program.plan.loss.kind == LossKind::rmse ? std::sqrt(loss) : loss) +
         penalty(weight);
}

template class ArenaMemory<float>;
template class ArenaMemory<double>;
template struct TrainingBuffers<float>;
template struct TrainingBuffers<double>;
template class Model<float>;
template class Model<double>;

}  // namespace descend
