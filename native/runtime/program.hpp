// An op as the engine runs it, and the order in which threads run the ops of a plan.
//
// A pass over a batch is a list of phases. Between two phases all threads meet; inside one, every thread takes its
// rows in groups through all sweeps. A sweep goes over panels of columns and calls its steps on each panel while it
// is in the first-level cache. An op that needs sums over all rows of the batch (batch statistics) ends a phase.
#pragma once

#include <memory>
#include <vector>

#include "kernels/panels.hpp"
#include "runtime/random.hpp"
#include "runtime/spec.hpp"

namespace descend {

// Rows of the batch. A row of a value has one line of numbers per position (one alone in dense networks; one per pixel
// of an image): line l of row r is line r * positions + l of the value's matrix.
struct Rows {
  long first, last;  // `first` begins a block (Program::row_block); an op gets rows of one group of the arena
  long count() const { return last - first; }
  Rows lines(long positions) const { return {first * positions, last * positions}; }
};

struct Panels {
  long first, last;
};

template <class T>
class BatchColumns;

// Activations and gradients of one batch. The rows come in groups; value v is (groups, panels, group * positions, P),
// so that what a thread works on is contiguous and spreads over its cache.
template <class T>
struct Arena {
  long capacity = 0;  // rows
  long blocks = 0;    // of rows, that the capacity has
  long group = 0;     // rows in a group: all of them when they are few, else a divisor of kRowTermBlock
  std::vector<T*> value, gradient;
  std::vector<T*> scratch, work;             // of each op, as large as it asked for; of each thread
  const BatchColumns<T>* columns = nullptr;  // of a sparse batch, in training

  // Numbers between two panels of a group.
  long stride(long positions) const { return group * positions * kPanel<T>; }

  // The buffer of a value of `width` columns as seen from the group of `line`: panel p of line l of that group lies at
  // p * stride(positions) + l * P.
  template <class U>
  U* from(U* buffer, long width, long line, long positions) const {
    const long lines = group * positions;
    return line < lines ? buffer : buffer + line / lines * stride(positions) * (panels<T>(width) - 1);
  }
};

// One batch on its way through the network, as one thread sees it.
template <class T>
struct Pass {
  const Arena<T>* arena;
  const T* weights;     // the parameters the products use (for Nesterov's method, the look-ahead point)
  const T* transposed;  // transposed weight matrices
  bool training;
  int thread, threads;
  long rows;  // in the batch
  uint64_t seed, step;
  const uint32_t* order;  // rows of `data` in this batch, or null for first_row, first_row + 1, ...
  long first_row;
  const Data<T>* data;
  double weight_sum;  // of the batch's rows; of all batches of an update where gradients accumulate
  long row_block;     // of the program
  uint64_t part = 0;  // of the update: the number of the batch in it

  long source(long r) const { return order ? static_cast<long>(order[r]) : first_row + r; }
  // Lines of row r, of `positions`, that are steps of its own.
  long lines_of(long r, long positions) const {
    return data->lengths && positions > 1 ? data->lengths[source(r)] : positions;
  }
  long row_blocks() const { return (rows + row_block - 1) / row_block; }
};

// The random numbers of a stream in a batch.
template <class T>
inline RandomKey random_key(const Pass<T>& pass, uint64_t stream) {
  return {pass.part ? pass.seed ^ splitmix64(pass.part) : pass.seed, pass.step, stream};
}

template <class T>
class Update;

// A part of the parameters that one thread owns during the update: for a matrix, panels of inputs and of outputs.
struct Task {
  int op;
  Panels inputs, outputs;
  double cost;
};

// A block of a matrix's gradient: panels of inputs (rows) by `count` panels of outputs from `output`. g: (inputs,
// panels), the panels `apart`.
template <class T>
struct Block {
  Panels inputs;
  long output, count;
  T* g;
  long apart;
};

// The methods of an op that work on rows take them as lines of its input.
template <class T>
class Op {
 public:
  Op(const OpSpec& spec_, const PlanSpec& plan)
      : spec(spec_),
        in_width(plan.width(spec_.input)),
        out_width(plan.width(spec_.output)),
        in_positions(plan.positions_of(spec_.input)),
        out_positions(plan.positions_of(spec_.output)) {}
  virtual ~Op() = default;

  // Whether a panel of the output needs only the same panel of the input.
  virtual bool by_panel() const { return true; }
  // Whether it works on whole rows at once (no panels).
  virtual bool by_row() const { return false; }
  // Whether a product of so many terms wants all panels in one call.
  virtual bool at_once(long terms) const { return terms > kTermBlock; }
  // Whether the output may take the place of an input, and an input's gradient that of the output's.
  virtual bool in_place() const { return by_panel() || by_row(); }
  // An op on whole rows that needs sums over all of them more than once, in training, works part by part: between two
  // parts all threads meet, and before each part but the first every thread adds up the sums that the one before left
  // (totals). Its forward and backward get the part as the first panel.
  virtual long parts(bool /*backward*/) const { return 1; }
  // Whether backward leaves the gradient of each number of the input after its last look at the number: it may lie
  // where that was.
  virtual bool gradient_on_input() const { return false; }
  // Whether sums over the batch's rows come before the output, in training.
  virtual bool reduces() const { return false; }
  // Whether backward reads the input's or the output's value; what it does not read may be overwritten.
  virtual bool keeps_input() const { return false; }
  virtual bool keeps_output() const { return false; }
  virtual bool trainable() const { return false; }

  // Multiply-adds of a forward pass over one row, where they are what takes its time.
  virtual double multiply_adds() const { return 0; }
  // In numbers, for so many blocks of rows and threads.
  virtual long scratch_size(long /*blocks*/, int /*threads*/) const { return 0; }

  // Before the first step of a run, by one thread.
  virtual void begin(const Pass<T>&) const {}
  // Before the first batch of every update, by all threads, each its part; they meet before they go on.
  virtual bool prepares() const { return false; }
  virtual void prepare(const Pass<T>&) const {}

  // The same for each thread, in training or not.
  virtual long work_size(bool /*training*/) const { return 0; }

  virtual void forward_sums(const Pass<T>&, Rows, Panels) const {}
  virtual void forward_totals(const Pass<T>&, long /*part*/) const {}
  virtual void forward(const Pass<T>&, Rows, Panels) const = 0;

  // Gradient of the input from the gradient of the output. backward_sums may rewrite the output's gradient.
  virtual void backward_sums(const Pass<T>&, Rows, Panels) const {}
  virtual void backward_totals(const Pass<T>&, long /*part*/) const {}
  virtual void backward(const Pass<T>&, Rows, Panels) const = 0;

  // A parameter that several ops use is the first one's, whose tasks sum the gradients of all its uses.
  virtual void add_tasks(int, long /*batch*/, std::vector<Task>&) const {}
  // What the entries of a sparse batch add to the cost of a task.
  virtual double entries_cost(const Task&, const BatchColumns<T>&) const { return 0; }
  virtual void update(const Pass<T>&, const Task&, Update<T>&) const {}
  // Adds this op's part of the gradient of a matrix that another op owns to a block of it.
  virtual void add_gradient(const Pass<T>&, const Block<T>&) const {}

  // Values and gradients as seen from the group of rows that holds `line` of them (see Arena::from).
  T* in(const Pass<T>& p, long line) const {
    return p.arena->from(p.arena->value[id(spec.input)], in_width, line, in_positions);
  }
  T* out(const Pass<T>& p, long line) const {
    return p.arena->from(p.arena->value[id(spec.output)], out_width, line, out_positions);
  }
  // The gradient of the input. An op that runs backward for its parameters alone leaves it where the output's was.
  T* in_gradient(const Pass<T>& p, long line) const {
    return p.arena->from(p.arena->gradient[id(wants_input ? spec.input : spec.output)], in_width, line, in_positions);
  }
  // The same of input i, for ops that read several.
  T* in(const Pass<T>& p, long line, int i, long width) const {
    return p.arena->from(p.arena->value[id(spec.read(i))], width, line, in_positions);
  }
  T* in_gradient(const Pass<T>& p, long line, int i, long width) const {
    return p.arena->from(p.arena->gradient[id(spec.read(i))], width, line, in_positions);
  }
  T* out_gradient(const Pass<T>& p, long line) const {
    return p.arena->from(p.arena->gradient[id(spec.output)], out_width, line, out_positions);
  }
  // Numbers between two panels of the input, and of the output where the op keeps positions.
  long stride(const Pass<T>& p) const { return p.arena->stride(in_positions); }
  // Lines in a block of rows.
  long block_lines(const Pass<T>& p) const { return p.row_block * in_positions; }
  T* scratch(const Pass<T>& p) const { return p.arena->scratch[id(index)]; }
  T* work(const Pass<T>& p) const { return p.arena->work[id(index)] + p.thread * padded<T>(work_size(p.training)); }
  static std::size_t id(int i) { return static_cast<std::size_t>(i); }

  OpSpec spec;
  long in_width, out_width, in_positions, out_positions;
  int index = 0;             // in its program
  bool wants_input = false;  // whether the gradient of an input is needed
  std::vector<bool> wants;   // of which
  // Later ops that use a parameter of this one, and which of its own are its to update.
  std::vector<const Op<T>*> partners;
  bool owns_weight = true, owns_bias = true, owns_statistics = true;
  bool keeps_transposed = false;  // whether the update must refresh the transpose of the weight
};

// Where the engine keeps each parameter: the matrix as Kernel lays it out from `offset`, and, when a product with its
// transpose is needed, the transpose from `transposed` in a buffer of its own.
//
// Columns of several gates are padded gate by gate and lie panel of units by panel of units, the gates of a panel side
// by side.
struct Placement {
  long offset = 0, size = 0;
  long transposed = -1;
  long panels = 0;  // of columns
};

template <class T>
struct Step {
  using Method = void (Op<T>::*)(const Pass<T>&, Rows, Panels) const;
  const Op<T>* op;
  Method method;
};

template <class T>
struct Sweep {
  long panels;   // 0: the steps take whole rows
  bool at_once;  // its one step takes all panels in one call
  std::vector<Step<T>> steps;
  long part = 0;  // of an op on whole rows
};

// Sweeps that take the same number of rows at a time: what they touch for these rows fits the second-level cache.
template <class T>
struct Stretch {
  long chunk;
  std::vector<Sweep<T>> sweeps;
};

template <class T>
struct Phase {
  const Op<T>* totals = nullptr;  // whose sums are added up on entry
  bool backward = false;          // which totals
  long part = 0;                  // and before which part
  std::vector<Stretch<T>> stretches;
};

// The compiled plan: ops in order, and the phases of training (forward, loss, backward) and of inference.
//
// Backward, every op overwrites the gradients of its inputs. So a value that several ops read gets a name of its own
// for each reader but the first: the output of a fork, which shares the value's memory and, backward, adds its gradient
// to the value's, in the order of the readers. A chain has none.
//
// Neighbours that the engine does in one are one op, unless every value of the plan is wanted (`fused`).
//
// A program for sparse rows has no memory for the plan's input: the dense ops that read it take the rows from the data,
// and other ops cannot read it (`takes_sparse_rows`). Parameters lie where they lie in the program for dense rows.
template <class T>
class Program {
 public:
  explicit Program(const PlanSpec& plan, bool sparse = false, bool fused = true);

  static bool takes_sparse_rows(const PlanSpec& plan);

  const PlanSpec plan;
  const bool sparse;
  std::vector<Placement> placement;  // of each parameter
  long size = 0, transposed_size = 0;
  // Sums over rows are made per block of this many rows, and the blocks added in order: part of what fixes the bits.
  long row_block = kRowBlock;
  bool reads_transposed = false;  // forward, too
  std::vector<std::unique_ptr<Op<T>>> ops;
  std::unique_ptr<Op<T>> loss;  // null without one
  std::vector<const Op<T>*> preparing;
  std::vector<Phase<T>> training, inference, evaluation;
  double flops_forward = 0, flops_training = 0;  // of one row
  double entry_flops = 0, step_flops = 0;        // sparse rows: forward for one entry; of an update, whatever the batch

  // The arithmetic, or its equivalent, of a forward pass over rows and of a training step on them.
  double forward_work(const Data<T>& data) const;
  double training_work(const Data<T>& data, long batch) const;

  // Buffers: values that may share memory have the same representative.
  std::vector<int> value_home, gradient_home;
  std::vector<int> gradient_on_value;  // of each home of gradients, the home of values whose memory it takes, or -1

 private:
  void choose_block();
  void place_parameters();
  void make_ops();
  void find_homes();
  void find_owners();
  void schedule();
  void count_sparse_work();
};

// Runs one phase on this thread's rows, group by group, from the first or from the last: the same bits.
template <class T>
void run_phase(const Phase<T>& phase, const Pass<T>& pass, Rows rows, bool from_end = false);

// The rows of a batch that thread t of n carries: whole blocks of `block` rows, as evenly as they go.
inline Rows rows_of(long rows, long block, int t, int n) {
  const long blocks = (rows + block - 1) / block;
  const long first = blocks * t / n * block, last = blocks * (t + 1) / n * block;
  return {first < rows ? first : rows, last < rows ? last : rows};
}

}  // namespace descend
