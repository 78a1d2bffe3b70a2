// Columns of categories become vectors, the rows of the weight that the categories are: one per position, or one after
// the other, followed by the columns that are no categories. Gradients go to the rows of the weight that occur, in the
// order of the batch's rows and of the columns in each; there is no product with ones and zeros. The optimizer still
// passes over every row: moments decay and penalties pull, as in the dense op.
//
// The caller has checked that categories are integers in their range.
#include "ops/dense_parameters.hpp"
#include "ops/ops.hpp"
#include "ops/update.hpp"

namespace descend {

namespace {

// A task owns at least this many rows of the weight, and goes through them in pieces of as many: a multiple of a panel.
constexpr long kPiece = 64;
// Every task looks through all categories of the batch, so there are not many.
constexpr long kMostTasks = 64;

template <class T>
class Embedding final : public DenseParameters<T> {
 public:
  Embedding(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement)
      : DenseParameters<T>(s, plan, placement), categories_(s.categories) {
    std::vector<bool> taken(static_cast<std::size_t>(this->in_width), false);
    for (const CategorySpec& c : categories_) taken[static_cast<std::size_t>(c.column)] = true;
    for (long c = 0; c < this->in_width; c++)
      if (!taken[static_cast<std::size_t>(c)]) others_.push_back(c);
  }

  bool by_row() const override { return true; }
  bool in_place() const override { return false; }

  // The row of the weight for each category of the batch (rows, categories), and per thread as many places.
  long scratch_size(long blocks, int threads) const override { return numbers(blocks) * (1 + threads); }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const T* const x = this->in(pass, rows.first);
    T* const y = this->out(pass, rows.first * this->out_positions);
    const auto read = [&](long column, long r) { return x[at(pass, column, r, 1)]; };
    int32_t* const kept = pass.training ? rows_of_batch(pass) : nullptr;
    for (long r = rows.first; r < rows.last; r++) {
      for (long k = 0; k < count(); k++) {
        const CategorySpec& c = categories_[static_cast<std::size_t>(k)];
        const long row = c.offset + static_cast<long>(read(c.column, r));
        if (kept) kept[r * count() + k] = static_cast<int32_t>(row);
        copy_row(pass, row, y, r, k);
      }
      if (this->out_positions > 1) continue;
      long column = count() * this->columns_;
      for (const long c : others_) y[at(pass, column++, r, 1)] = read(c, r);
      for (; column < padded<T>(this->out_width); column++) y[at(pass, column, r, 1)] = 0;
    }
  }

  void backward(const Pass<T>&, Rows, Panels) const override {}

  void add_tasks(int op, long batch, std::vector<Task>& tasks) const override {
    if (!this->trainable() || !this->owns_weight) return;
    const long most = (this->rows_ + kMostTasks - 1) / kMostTasks, rows = (most + kPiece - 1) / kPiece * kPiece;
    const Panels outputs{0, panels<T>(this->columns_)};
    const double width = static_cast<double>(padded<T>(this->columns_)), found = static_cast<double>(batch * count());
    const double products = (this->uses() - 1) * static_cast<double>(batch);
    for (long first = 0; first < this->rows_; first += rows) {
      const auto own = static_cast<double>(std::min(rows, this->rows_ - first));
      const double hits = found * own / static_cast<double>(this->rows_);
      tasks.push_back({op,
                       {first / kPanel<T>, panels<T>(std::min(this->rows_, first + rows))},
                       outputs,
                       own * width * (56 + products) + 16 * found + 8 * hits * width});
    }
  }

  void update(const Pass<T>& pass, const Task& task, Update<T>& update) const override {
    constexpr long P = kPanel<T>, panels_of_piece = kPiece / P;
    const Found found = update.computes() ? find(pass, task.inputs) : Found{nullptr, 0};
    for (long i = task.inputs.first; i < task.inputs.last; i += panels_of_piece)
      for (long o = task.outputs.first; o < task.outputs.last; o++)
        update_piece(pass, {i, std::min(task.inputs.last, i + panels_of_piece)}, o, found, update);
  }

  void add_gradient(const Pass<T>& pass, const Block<T>& block) const override {
    const Found found = find(pass, block.inputs);
    for (long n = 0; n < block.count; n++)
      add_rows(pass, block.inputs, block.output + n, found, block.g + n * block.apart);
  }

 private:
  // Categories of the batch whose rows of the weight lie in some panels, by their place.
  struct Found {
    const int32_t* places;
    long count;
  };

  long count() const { return static_cast<long>(categories_.size()); }
  // Numbers of T that hold an integer for each category of so many blocks of rows.
  long numbers(long blocks) const { return padded<T>(blocks * kRowBlock * count()); }
  int32_t* rows_of_batch(const Pass<T>& pass) const { return reinterpret_cast<int32_t*>(this->scratch(pass)); }

  Found find(const Pass<T>& pass, Panels inputs) const {
    const int32_t* const rows = rows_of_batch(pass);
    int32_t* const places =
        reinterpret_cast<int32_t*>(this->scratch(pass) + numbers(pass.arena->blocks) * (1 + pass.thread));
    const auto first = static_cast<uint32_t>(inputs.first * kPanel<T>);
    const auto size = static_cast<uint32_t>((inputs.last - inputs.first) * kPanel<T>);
    long n = 0;
    for (long k = 0; k < pass.rows * count(); k++)
      if (static_cast<uint32_t>(rows[k]) - first < size) places[n++] = static_cast<int32_t>(k);
    return {places, n};
  }

  static long at(const Pass<T>& pass, long column, long line, long positions) {
    constexpr long P = kPanel<T>;
    return column / P * pass.arena->stride(positions) + line * P + column % P;
  }

  // Line and first column of the output where the vector of category k of row r stands.
  long line_of(long r, long k) const { return this->out_positions > 1 ? r * this->out_positions + k : r; }
  long column_of(long k) const { return this->out_positions > 1 ? 0 : k * this->columns_; }

  void copy_row(const Pass<T>& pass, long row, T* y, long r, long k) const {
    constexpr long P = kPanel<T>;
    const long stride = pass.arena->stride(this->out_positions);
    const T* w = pass.weights + this->weight_.offset + row * P;
    for (long o = 0; o < panels<T>(this->columns_); o++, w += this->panel()) {
      const long column = column_of(k) + o * P, width = columns_of<T>(this->columns_, o), shift = column % P;
      T* to = y + at(pass, column, line_of(r, k), this->out_positions);
      const long here = shift == 0 ? P : std::min(width, P - shift);  // a whole panel with its padding, which is 0
      std::copy_n(w, here, to);
      if (here < width) std::copy_n(w + here, width - here, to + stride - shift);
    }
  }

  void update_piece(const Pass<T>& pass, Panels inputs, long o, Found found, Update<T>& update) const {
    constexpr long P = kPanel<T>;
    alignas(64) T scratch[kPiece * P];
    const long offset = this->offset(inputs.first, o);
    const long size = (std::min(this->rows_, inputs.last * P) - inputs.first * P) * P;
    T* const g = update.gradient(offset, scratch);
    if (update.applies()) update.prefetch(offset, size);
    if (update.computes()) {
      std::fill_n(g, size, T(0));
      add_rows(pass, inputs, o, found, g);
      this->add_partners(pass, {inputs, o, 1, g, this->panel()});
    }
    update.commit(this->spec.weight, offset, g, size);
    this->refresh_transposed(inputs, o, update);
  }

  // Adds the gradients of what was found to panel o of the rows of the weight that lie in `inputs`.
  void add_rows(const Pass<T>& pass, Panels inputs, long o, Found found, T* g) const {
    constexpr long P = kPanel<T>;
    const int32_t* const rows = rows_of_batch(pass);
    const T* const dy = this->out_gradient(pass, 0);
    const long stride = pass.arena->stride(this->out_positions), width = columns_of<T>(this->columns_, o);
    for (long n = 0; n < found.count; n++) {
      const long k = found.places[n], row = rows[k] - inputs.first * P, r = k / count();
      if (row < 0 || row >= (inputs.last - inputs.first) * P) continue;
      const long column = column_of(k % count()) + o * P, shift = column % P, here = std::min(width, P - shift);
      const long line = line_of(r, k % count());
      const T* from = pass.arena->from(dy, this->out_width, line, this->out_positions) +
                      at(pass, column, line, this->out_positions);
      T* to = g + row * P;
      for (long i = 0; i < here; i++) to[i] += from[i];
      for (long i = here; i < width; i++) to[i] += from[stride - shift + i - here];
    }
  }

  std::vector<CategorySpec> categories_;
  std::vector<long> others_;  // columns that are no categories
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_embedding(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>& placement) {
  return std::make_unique<Embedding<T>>(s, plan, placement);
}
template std::unique_ptr<Op<float>> make_embedding<float>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_embedding<double>(const OpSpec&, const PlanSpec&,
                                                            const std::vector<Placement>&);

}  // namespace descend
