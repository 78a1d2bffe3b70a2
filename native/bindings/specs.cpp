// Dictionaries, as engine/native.py writes them, into the engine's plain data. Unknown names are refused.
#include "bindings/specs.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>

namespace nb = nanobind;

namespace descend {

namespace {

template <class E>
E pick(const std::string& name, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); i++)
    if (names[i] == name) return static_cast<E>(i);
  throw nb::value_error(("unknown name '" + name + "', expected one such as '" + names[0] + "'").c_str());
}

template <class E>
E pick(const nb::dict& d, const char* key, const std::vector<std::string>& names) {
  return pick<E>(nb::cast<std::string>(d[key]), names);
}

template <class V>
V get(const nb::dict& d, const char* key, V missing) {
  return d.contains(key) && !d[key].is_none() ? nb::cast<V>(d[key]) : missing;
}

void read_recurrent(const nb::dict& d, OpSpec& s) {
  s.cell = pick<Cell>(d, "cell", {"rnn", "lstm", "gru"});
  s.function = nb::cast<std::string>(d["function"]) == "relu" ? Function::relu : Function::tanh;
  s.recurrent = nb::cast<int>(d["recurrent"]);
  s.recurrent_bias = get(d, "recurrent_bias", -1);
  s.sequences = get(d, "sequences", false);
  s.reverse = get(d, "reverse", false);
  s.truncate = get(d, "truncate", 0L);
  s.recurrent_rate = get(d, "recurrent_rate", 0.0);
  s.recurrent_stream = get<uint64_t>(d, "recurrent_stream", 0);
  s.norms = get(d, "norms", s.norms);
}

WindowSpec window_spec(const nb::dict& d) {
  const auto number = [&](const char* key) { return nb::cast<long>(d[key]); };
  return {number("image_height"), number("image_width"), number("grid_height"), number("grid_width"),
          number("height"),       number("width"),       number("stride_y"),    number("stride_x"),
          number("dilation_y"),   number("dilation_x"),  number("top"),         number("left")};
}

RangeSpec range_spec(const nb::dict& d, const char* key) {
  const auto pair = nb::cast<std::vector<double>>(d[key]);
  return {pair[0], pair[1]};
}

void read_warp(const nb::dict& d, OpSpec& s) {
  const auto image = nb::cast<std::vector<long>>(d["image"]), grid = nb::cast<std::vector<long>>(d["grid"]);
  const std::vector<std::string> motions = {"flip", "shift", "turn", "zoom", "shear", "crop"};
  WarpSpec& w = s.warp;
  w = {image[0], image[1], grid[0], grid[1]};
  for (nb::handle h : d["moves"]) {
    const auto move = nb::cast<nb::tuple>(h);
    const auto b = nb::cast<std::vector<double>>(move[1]);
    w.moves.push_back(
        {pick<Motion>(nb::cast<std::string>(move[0]), motions), {b[0], b[1]}, {b[2], b[3]}, nb::cast<bool>(move[2])});
  }
  w.nearest = nb::cast<bool>(d["nearest"]);
  w.fill = pick<FillMode>(d, "fill_mode", {"constant", "nearest", "reflect", "wrap"});
  w.speed = nb::cast<double>(d["speed"]);
  w.knots = nb::cast<long>(d["knots"]);
}

void read_erase(const nb::dict& d, OpSpec& s) {
  const auto image = nb::cast<std::vector<long>>(d["image"]), size = get(d, "size", std::vector<long>{0, 0});
  s.erase = {image[0], image[1], size[0], size[1], range_spec(d, "scale"), range_spec(d, "ratio")};
}

OpSpec op_spec(const nb::dict& d) {
  OpSpec s;
  s.kind = pick<OpKind>(d, "kind", {"dense",       "batch_norm",     "activation", "prelu",      "softmax",
                                    "dropout",     "gaussian_noise", "layer_norm", "add",        "concatenate",
                                    "recurrent",   "embedding",      "mix",        "swap_noise", "convolution",
                                    "depthwise",   "pool",           "reshape",    "fork",       "rescale",
                                    "interpolate", "impute",         "one_hot",    "periodic",   "piecewise_linear",
                                    "warp",        "adjust",         "erase"});
  s.input = nb::cast<int>(d["input"]);
  s.output = nb::cast<int>(d["output"]);
  s.further = get(d, "further", std::vector<int>{});
  s.weight = get(d, "weight", -1);
  s.bias = get(d, "bias", -1);
  s.running_mean = get(d, "running_mean", -1);
  s.running_variance = get(d, "running_variance", -1);
  if (d.contains("function"))
    s.function = pick<Function>(d, "function",
                                {"linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu",
                                 "softplus", "hard_sigmoid", "mish", "exponential"});
  s.alpha = get(d, "alpha", 0.0);
  s.rate = get(d, "rate", 0.0);
  s.drop_rate = get(d, "drop_rate", 0.0);
  s.drop_stream = get<uint64_t>(d, "drop_stream", 0);
  s.momentum = get(d, "momentum", 0.0);
  s.epsilon = get(d, "epsilon", 0.0);
  s.deviation = get(d, "deviation", 0.0);
  s.frozen = get(d, "frozen", false);
  s.sources = get(d, "sources", s.sources);
  s.slots = get(d, "slots", s.slots);
  s.count = get(d, "count", 0);
  s.limit = get(d, "limit", s.limit);
  s.stream = get<uint64_t>(d, "stream", 0);
  if (s.kind == OpKind::recurrent) read_recurrent(d, s);
  s.transposed = get(d, "transposed", false);
  if (s.kind == OpKind::embedding) {
    const auto columns = nb::cast<std::vector<long>>(d["columns"]), offsets = nb::cast<std::vector<long>>(d["offsets"]),
               levels = nb::cast<std::vector<long>>(d["levels"]), origins = nb::cast<std::vector<long>>(d["origins"]);
    for (std::size_t i = 0; i < columns.size(); i++)
      s.categories.push_back({columns[i], offsets[i], levels[i], origins[i]});
  }
  s.samples = get<long>(d, "samples", 0);
  s.shares = get(d, "shares", std::vector<double>{});
  s.by_feature = get(d, "by_feature", false);
  if (s.kind == OpKind::mix && !d["image"].is_none()) {
    const auto image = nb::cast<std::vector<long>>(d["image"]);
    s.cut_height = image[0];
    s.cut_width = image[1];
  }
  s.fill_value = get(d, "fill_value", 0.0);
  if (s.kind == OpKind::warp) read_warp(d, s);
  if (s.kind == OpKind::adjust)
    s.adjust = {range_spec(d, "scale"), range_spec(d, "shift"), range_spec(d, "limits"),
                nb::cast<bool>(d["about_mean"]), nb::cast<bool>(d["by_channel"])};
  if (s.kind == OpKind::erase) read_erase(d, s);
  s.training_only = get(d, "training_only", false);
  s.groups = get(d, "groups", s.groups);
  s.to_image = get(d, "to_image", false);
  s.average = get(d, "average", false);
  s.whole = get(d, "whole", false);
  if (d.contains("window")) s.window = window_spec(nb::cast<nb::dict>(d["window"]));
  return s;
}

}  // namespace

PlanSpec plan_spec(const nb::dict& d) {
  PlanSpec plan;
  plan.widths = nb::cast<std::vector<long>>(d["widths"]);
  plan.positions = nb::cast<std::vector<long>>(d["positions"]);
  for (nb::handle h : d["parameters"]) {
    const auto p = nb::cast<nb::dict>(h);
    plan.parameters.push_back({nb::cast<long>(p["offset"]), nb::cast<long>(p["rows"]), nb::cast<long>(p["columns"]),
                               nb::cast<bool>(p["trainable"]), nb::cast<bool>(p["regularized"]), get(p, "l1", 0.0),
                               get(p, "l2", 0.0), get(p, "spread", false),
                               get(p, "max_norm", std::numeric_limits<double>::infinity()), get(p, "taps", 1L),
                               get(p, "groups", 1L)});
  }
  for (nb::handle h : d["ops"]) plan.ops.push_back(op_spec(nb::cast<nb::dict>(h)));
  for (OpSpec& s : plan.ops) {
    if (s.kind != OpKind::recurrent) continue;
    for (const int id : {s.weight, s.recurrent, s.bias})
      if (id >= 0) plan.parameters[static_cast<std::size_t>(id)].gates = gates_of(s.cell);
    for (std::size_t i = 0; i < s.norms.size() && i < 6; i++)  // of the terms, which have gates
      plan.parameters[static_cast<std::size_t>(s.norms[i])].gates = gates_of(s.cell);
    s.state = plan.state_size;
    plan.state_size += plan.widths[static_cast<std::size_t>(s.output)] * (s.cell == Cell::lstm ? 2 : 1);
  }
  plan.input = nb::cast<int>(d["input"]);
  plan.output = nb::cast<int>(d["output"]);
  if (d["loss"].is_none()) return plan;
  const auto l = nb::cast<nb::dict>(d["loss"]);
  plan.has_loss = true;
  plan.loss.kind =
      pick<LossKind>(l, "kind", {"mse", "mae", "rmse", "bce", "cce", "huber", "poisson", "pinball", "hinge"});
  plan.loss.link = pick<Link>(l, "link", {"identity", "sigmoid", "softmax", "exponential"});
  plan.loss.prediction = nb::cast<int>(l["prediction"]);
  plan.loss.parameter = get(l, "parameter", 0.0);
  plan.loss.label_noise = get(l, "label_noise", 0.0);
  plan.loss.label_smoothing = get(l, "label_smoothing", 0.0);
  plan.loss.scale = get(l, "scale", 1.0);
  plan.loss.ceiling = get(l, "ceiling", plan.loss.ceiling);
  plan.loss.groups = get(l, "groups", plan.loss.groups);
  plan.loss.index_target = nb::cast<std::string>(l["target"]) == "index";
  return plan;
}

OptimizerSpec optimizer_spec(const nb::dict& d) {
  OptimizerSpec s;
  s.kind = pick<OptimizerKind>(
      d, "kind", {"sgd", "momentum", "nesterov", "heavy_ball", "adagrad", "rmsprop", "adam", "nadam", "amsgrad"});
  s.beta_1 = get(d, "beta_1", 0.0);
  s.beta_2 = get(d, "beta_2", 0.0);
  s.epsilon = get(d, "epsilon", 0.0);
  s.dampening = get(d, "dampening", false);
  s.look_ahead = get(d, "look_ahead", false);
  s.epsilon_hat = get(d, "epsilon_hat", false);
  s.weight_decay = get(d, "weight_decay", 0.0);
  s.clip_value = get(d, "clip_value", s.clip_value);
  s.clip_norm = get(d, "clip_norm", s.clip_norm);
  s.average = get(d, "average_decay", 0.0);
  s.gradient_noise = get(d, "gradient_noise", 0.0);
  s.gradient_noise_decay = get(d, "gradient_noise_decay", 0.0);
  return s;
}

}  // namespace descend
