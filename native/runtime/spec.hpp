// What the engine is told: the plan, the loss and the optimizer as plain data, checked by the caller.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace descend {

enum class OpKind {
  dense,
  batch_norm,
  activation,
  prelu,
  softmax,
  dropout,
  gaussian_noise,
  layer_norm,
  add,
  concatenate,
  recurrent,
  embedding,
  mix,
  swap_noise,
  convolution,
  depthwise,
  pool,
  reshape,
  fork,  // the engine's own: see graph.hpp
  rescale,
  interpolate,
  impute,
  one_hot,
  periodic,
  piecewise_linear,
  warp,
  adjust,
  erase,
  norm_relu,  // the engine's own, as is the next: batch norm and what follows it, see graph.hpp
  norm_pool
};
enum class Function {
  linear,
  sigmoid,
  tanh,
  relu,
  leaky_relu,
  elu,
  selu,
  gelu,
  silu,
  softplus,
  hard_sigmoid,
  mish,
  exponential
};
enum class Cell { rnn, lstm, gru };
constexpr long gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
enum class LossKind { mse, mae, rmse, bce, cce, huber, poisson, pinball, hinge };
enum class Link { identity, sigmoid, softmax, exponential };
enum class OptimizerKind { sgd, momentum, nesterov, heavy_ball, adagrad, rmsprop, adam, nadam, amsgrad };

// A named slice of the flat buffer: (rows, columns) in C order from `offset`; a vector has one row.
struct ParameterSpec {
  long offset, rows, columns;
  bool trainable, regularized;
  double l1, l2;
  bool spread = false;  // whether the penalty is divided by the sum of the batch's weights
  double max_norm = std::numeric_limits<double>::infinity();  // of a column, after each update
  long taps = 1, groups = 1;                                  // of a convolution: rows are (taps, channels of a group)
  long gates = 1;                                             // of a recurrent layer: columns are (gates, units)
};

// A column of categories of an embedding: x is row `offset` + x of the weight, for x from 0 to `levels` - 1. It is
// column `origin` of the plan's input.
struct CategorySpec {
  long column, offset, levels, origin;
};

// A window that slides over an image, see ops/window.hpp. Sequences are images of height 1.
struct WindowSpec {
  long image_height = 1, image_width = 1, grid_height = 1, grid_width = 1;
  long height = 1, width = 1, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  long top = 0, left = 0;  // pixels that the first window lies before the image

  long taps() const { return height * width; }
};

// From the lowest to the highest number, between which one is drawn.
struct RangeSpec {
  double low = 0, high = 0;
};

enum class Motion { flip, shift, turn, zoom, shear, crop };
enum class FillMode { constant, nearest, reflect, wrap };

// A random motion of an image: two numbers are drawn, or with `tied` one.
struct MoveSpec {
  Motion motion;
  RangeSpec y, x;
  bool tied;
};

struct WarpSpec {
  long image_height = 1, image_width = 1, grid_height = 1, grid_width = 1;  // of what is read and of what is written
  std::vector<MoveSpec> moves{};
  bool nearest = false;
  FillMode fill = FillMode::constant;
  double speed = 0;  // with knots: how far the pace along the width is from 1 at most
  long knots = 0;

  bool resizes() const { return image_height != grid_height || image_width != grid_width; }
};

struct AdjustSpec {
  RangeSpec scale{}, shift{}, limits{};
  bool about_mean = false, by_channel = false;
};

// A rectangle of fixed size, unless its height is 0: then of random area and ratio of height to width.
struct EraseSpec {
  long image_height = 1, image_width = 1, height = 0, width = 0;
  RangeSpec area{}, ratio{};
};

struct OpSpec {
  OpKind kind;
  int input, output;           // value ids
  std::vector<int> further{};  // values read after `input`, in order
  int weight = -1, bias = -1;  // parameter ids; batch and layer norm: gamma, beta; prelu: slope
  int running_mean = -1, running_variance = -1;
  Function function = Function::linear;
  double alpha = 0, rate = 0, momentum = 0, epsilon = 0;
  double deviation = 0;  // of Gaussian noise
  bool frozen = false;   // of batch norm: the running statistics, always
  double drop_rate = 0;  // of DropConnect, with its random numbers
  uint64_t drop_stream = 0;
  long samples = 0;                    // dense: DropConnect's inference is Gaussian and includes `function`
  std::vector<double> shares = {};     // mix: of the row itself, equally likely
  bool by_feature = false;             // mix: features come from one row or the other, instead of both
  long cut_height = 0, cut_width = 0;  // mix by feature: of an image, when those of the other are a rectangle
  WarpSpec warp{};
  AdjustSpec adjust{};
  EraseSpec erase{};
  double fill_value = 0;       // of what is written where there is no pixel
  bool training_only = false;  // activation: the op before it includes it in inference
  WindowSpec window{};
  bool to_image = false;   // a convolution from grid to image
  bool average = false;    // of a pool: the mean instead of the maximum
  bool whole = false;      // of dropout: all positions of a channel together
  bool rectified = false;  // the engine's own: dropout and norm_pool include a ReLU
  // Ops on columns: output o comes from input column sources[o]; as it is where slots[o] < 0, else through that slot.
  std::vector<int> sources = {}, slots = {};
  int count = 0;  // of indicators (impute), frequencies (periodic) or bins (piecewise linear) of a column
  double limit = std::numeric_limits<double>::infinity();  // of a smooth clip
  uint64_t stream = 0;
  std::vector<long> groups = {};  // of softmax: the sizes of segments with a softmax each; empty for one over all
  Cell cell = Cell::rnn;          // of a recurrent layer, as is what follows
  int recurrent = -1, recurrent_bias = -1;  // parameter ids
  bool sequences = false, reverse = false;  // whether every step is given out, and whether the last comes first
  long truncate = 0;                        // steps that the gradient goes back at most; 0: all
  double recurrent_rate = 0;                // of dropout on the state
  uint64_t recurrent_stream = 0;
  // Of batch normalization inside the cell, none without: gamma, running mean and variance of the input's term and of
  // the state's, the number of steps seen, and for an LSTM gamma, beta, running mean and variance of its memory.
  std::vector<int> norms = {};
  long state = 0;  // where its states begin in a row of all states
  std::vector<CategorySpec> categories{};
  bool transposed = false;  // a dense op that uses the transpose of its weight

  int reads() const { return 1 + static_cast<int>(further.size()); }
  int read(int i) const { return i == 0 ? input : further[static_cast<std::size_t>(i - 1)]; }
};

struct LossSpec {
  LossKind kind;
  Link link;
  int prediction;  // value id
  double parameter, label_smoothing;
  bool index_target;
  double label_noise = 0;
  double scale = 1;
  double ceiling = std::numeric_limits<double>::infinity();  // of one output's cross-entropy (one row's, for classes)
  std::vector<long> groups = {};                             // of the classes' cross-entropy, as in OpSpec
};

struct PlanSpec {
  std::vector<long> widths;     // of each value: its last axis
  std::vector<long> positions;  // of each value: the product of the axes before it; empty when all are 1
  std::vector<ParameterSpec> parameters;
  std::vector<OpSpec> ops;
  int input, output;
  long state_size = 0;  // numbers in a row of all states of the recurrent layers
  bool has_loss = false;
  LossSpec loss{};

  // Whether there is such a parameter and it is trained.
  bool trains(int parameter) const {
    return parameter >= 0 && parameters[static_cast<std::size_t>(parameter)].trainable;
  }
  long width(int value) const { return widths[static_cast<std::size_t>(value)]; }
  long positions_of(int value) const { return positions.empty() ? 1 : positions[static_cast<std::size_t>(value)]; }
  // Numbers in a row of a value.
  long size(int value) const { return width(value) * positions_of(value); }
};

struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::sgd;
  double beta_1 = 0, beta_2 = 0, epsilon = 0;  // momentum's, RMSProp's beta and Nesterov's momentum are beta_1
  bool dampening = false;                      // of momentum
  bool look_ahead = false;                     // of the heavy ball
  bool epsilon_hat = false;                    // of Adam and its relatives: epsilon stands beside the uncorrected root
  double weight_decay = 0;
  double clip_value = std::numeric_limits<double>::infinity();
  double clip_norm = std::numeric_limits<double>::infinity();
  double average = 0;  // decay of the moving average of the weights, whose slot is the last
  double gradient_noise = 0, gradient_noise_decay = 0;  // variance in the first step, and the exponent of its decay

  int slots() const { return own_slots() + (average > 0); }
  int own_slots() const {
    switch (kind) {
      case OptimizerKind::sgd: return 0;
      case OptimizerKind::adam:
      case OptimizerKind::nadam: return 2;
      case OptimizerKind::amsgrad: return 3;
      default: return 1;
    }
  }
};

// Compressed sparse rows: row r holds values[k] in column columns[k] for starts[r] <= k < starts[r + 1], columns
// increasing. starts: (n + 1); columns and values: (starts[n]).
template <class T>
struct SparseRows {
  const int64_t* starts = nullptr;
  const int32_t* columns = nullptr;
  const T* values = nullptr;

  long count(long r) const { return static_cast<long>(starts[r + 1] - starts[r]); }
};

// Rows in the caller's memory: X (n, positions, features), or the same as sparse rows; y (n, positions, outputs), or
// classes (n, positions) for an index target, (n, positions, groups) where it has groups; weight (n,) or null.
template <class T>
struct Data {
  const T* X = nullptr;
  SparseRows<T> sparse_X;
  const T* y = nullptr;
  const int32_t* classes = nullptr;
  const T* weight = nullptr;
  const int32_t* lengths = nullptr;  // (n,) steps that rows have, from 1 on; null: all of them
  const T* state = nullptr;          // (n, state_size) states that recurrent layers start from; null: zeros
  T* state_out = nullptr;            // (n, state_size) for the states they end with, or null
  long state_size = 0;
  long rows = 0;

  bool sparse() const { return sparse_X.starts != nullptr; }
};

}  // namespace descend
