// What the values of a plan look like on some rows: mean, spread, zeros, numbers beyond bounds, columns never above 0.
//
// Rows go through the ops chunk by chunk, and each value is looked at before the next op may overwrite it. Columns are
// summed row by row, chunks and columns in order: the bits depend on neither threads nor instruction set.
#include <atomic>
#include <cmath>
#include <limits>

#include "runtime/denormals.hpp"
#include "runtime/model.hpp"
#include "runtime/team.hpp"

namespace descend {

namespace {

constexpr long kProbeRows = 64;  // in a chunk; no more than a group of the arena
constexpr long kImageRows = 16;  // the same where a row has many positions

// The columns of one panel over the lines of a chunk.
template <class T>
struct Tally {
  static constexpr int P = kPanel<T>;
  double sum[P] = {}, squares[P] = {}, zeros[P] = {}, outside[P] = {}, largest[P];

  void look(const T* panel, long lines, double low, double high) {
    std::fill_n(largest, P, -std::numeric_limits<double>::infinity());
    for (long r = 0; r < lines; r++)
      for (int c = 0; c < P; c++) {
        const auto x = static_cast<double>(panel[r * P + c]);
        sum[c] += x;
        squares[c] += x * x;
        zeros[c] += x == 0 ? 1.0 : 0.0;
        outside[c] += x < low || x > high ? 1.0 : 0.0;
        largest[c] = x > largest[c] ? x : largest[c];
      }
  }
};

// Value v of all chunks, whose tallies lie `apart` panels from each other.
template <class T>
ValueStatistics summarize(const Tally<T>* first, long chunks, long apart, long width, long lines) {
  double sum = 0, squares = 0, zeros = 0, outside = 0, silent = 0;
  for (long c = 0; c < width; c++) {
    double largest = -std::numeric_limits<double>::infinity();
    for (long k = 0; k < chunks; k++) {
      const Tally<T>& tally = first[k * apart + c / kPanel<T>];
      const long i = c % kPanel<T>;
      sum += tally.sum[i];
      squares += tally.squares[i];
      zeros += tally.zeros[i];
      outside += tally.outside[i];
      largest = std::max(largest, tally.largest[i]);
    }
    silent += largest <= 0 ? 1.0 : 0.0;
  }
  const auto columns = static_cast<double>(width), count = columns * static_cast<double>(lines);
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean)), zeros / count, outside / count,
          silent / columns};
}

}  // namespace

// bounds: (count, 2), out: (count,), of the plan's first values; those after them are the engine's own. The input of
// sparse rows is not looked at (NaN).
template <class T>
void Model<T>::probe(const Data<T>& data, const double* bounds, ValueStatistics* out, long count, int threads) const {
  const Program<T>& p = every_value(data);
  const auto values = static_cast<std::size_t>(count);
  std::vector<long> place(values + 1, 0);  // the first panel of each value in a chunk's tallies
  for (std::size_t v = 0; v < values; v++) place[v + 1] = place[v] + panels<T>(p.plan.widths[v]);
  const long most = p.row_block < kRowBlock ? kImageRows : kProbeRows;
  const long chunks = (data.rows + most - 1) / most, apart = place[values];
  std::vector<Tally<T>> tallies(static_cast<std::size_t>(chunks * apart));
  std::vector<bool> seen(values, false);
  const auto padded_lines = [&](int value) { return data.lengths && p.plan.positions_of(value) > 1; };
  const auto looked_at = [&](int value) {
    return value < count && !padded_lines(value) && !(p.sparse && value == p.plan.input);
  };
  if (looked_at(p.plan.input)) seen[static_cast<std::size_t>(p.plan.input)] = true;
  for (const auto& op : p.ops)
    if (looked_at(op->spec.output)) seen[static_cast<std::size_t>(op->spec.output)] = true;

  // A probe comes between two calls of a training team: a second thread is waited for only where it saves a lot.
  const int wanted = threads > 0 ? threads : useful_threads(p.forward_work(data), 10 * kWorkToWake);
  const int n = static_cast<int>(std::min<long>(wanted, std::max(1L, chunks)));
  std::vector<std::unique_ptr<ArenaMemory<T>>> memory;
  for (int t = 0; t < n; t++) memory.push_back(borrow(p, std::min(data.rows, most), false));
  std::atomic<long> next{0};
  Team::run(n, [&](int t) {
    const FlushDenormals flush;
    for (long chunk; (chunk = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) {
      const Arena<T>& arena = memory[static_cast<std::size_t>(t)]->arena;
      const long first = chunk * most, rows = std::min(most, data.rows - first);
      const Pass<T> pass{&arena, weights_.get(), transposed_.get(), false, 0, 1, rows, 0, 0, nullptr, first, &data,
                         0,      p.row_block};
      const auto look = [&](int value) {
        const auto v = static_cast<std::size_t>(value);
        const long positions = p.plan.positions_of(value);
        Tally<T>* const to = tallies.data() + chunk * apart;
        for (long i = place[v]; i < place[v + 1]; i++)
          to[i].look(arena.value[v] + (i - place[v]) * arena.stride(positions), rows * positions, bounds[2 * v],
                     bounds[2 * v + 1]);
      };
      gather(pass, {0, rows});
      if (looked_at(p.plan.input)) look(p.plan.input);
      for (const auto& op : p.ops) {
        op->forward(pass, Rows{0, rows}.lines(op->in_positions), {0, panels<T>(op->out_width)});
        if (looked_at(op->spec.output)) look(op->spec.output);
      }
    }
  });
  for (auto& m : memory) give_back(std::move(m));

  for (std::size_t v = 0; v < values; v++) {
    out[v] = {NAN, NAN, NAN, NAN, NAN};
    if (seen[v] && data.rows > 0)
      out[v] = summarize(tallies.data() + place[v], chunks, apart, p.plan.widths[v],
                         data.rows * p.plan.positions_of(static_cast<int>(v)));
  }
}

template void Model<float>::probe(const Data<float>&, const double*, ValueStatistics*, long, int) const;
template void Model<double>::probe(const Data<double>&, const double*, ValueStatistics*, long, int) const;

}  // namespace descend
