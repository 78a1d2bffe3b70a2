// What Python sees of the engine: reads arrays, releases the GIL, calls.
#include <nanobind/stl/string.h>

#include "bindings/data.hpp"
#include "bindings/specs.hpp"
#include "ops/perceptron.hpp"
#include "runtime/model.hpp"
#include "runtime/team.hpp"

namespace descend {

namespace {

template <class T>
class PyModel {
 public:
  explicit PyModel(const nb::dict& plan)
      : model_(plan_spec(plan)),
        reader_(model_.program.plan, model_.takes_sparse_rows()),
        flat_(static_cast<std::size_t>(model_.flat_size())) {}

  void set_parameters(const Vector<T>& flat) {
    expect(flat.size() == flat_, "parameters have the wrong length");
    model_.set_parameters(flat.data());
  }

  auto get_parameters() const {
    T* to;
    auto array = new_array<T>({flat_}, to);
    model_.get_parameters(to);
    return array;
  }

  auto predict(const Matrix<T>& X, int threads) const {
    Data<T> data;
    reader_.set_dense(data, X);
    return outputs_of(data, threads);
  }

  auto predict_parts(const nb::tuple& X, int threads) const {
    Data<T> data;
    reader_.set_rows(data, X);
    reader_.check_entries(data, nullptr, data.rows);
    return outputs_of(data, threads);
  }

  // The outputs, and the states (rows, state_size) that the recurrent layers end with, having begun with `state`.
  nb::tuple predict_from(const nb::object& X, const std::optional<Matrix<T>>& state, int threads) const {
    Data<T> data;
    reader_.set_rows(data, X);
    reader_.check_entries(data, nullptr, data.rows);
    const auto rows = static_cast<std::size_t>(data.rows),
               size = static_cast<std::size_t>(model_.program.plan.state_size);
    if (state) {
      expect(state->shape(0) == rows && state->shape(1) == size, "state has the wrong shape");
      data.state = state->data();
    }
    auto after = new_array<T>({rows, size}, data.state_out);
    data.state_size = static_cast<long>(size);
    return nb::make_tuple(outputs_of(data, threads), after);
  }

  double evaluate(const nb::object& X, const nb::object& y, const std::optional<Vector<T>>& weight, int threads) const {
    const Data<T> data = reader_.read(X, y, weight);
    reader_.check_entries(data, nullptr, data.rows);
    nb::gil_scoped_release free;
    return model_.evaluate(data, threads);
  }

  nb::tuple gradients(const nb::object& X, const nb::object& y, const std::optional<Vector<T>>& weight, uint64_t seed,
                      uint64_t step, int threads) {
    const Data<T> data = reader_.read(X, y, weight);
    reader_.check_entries(data, nullptr, data.rows);
    T* to;
    auto array = new_array<T>({flat_}, to);
    double loss;
    {
      nb::gil_scoped_release free;
      loss = model_.gradients(data, seed, step, to, threads);
    }
    return nb::make_tuple(loss, array);
  }

  auto probe(const nb::object& X, const Matrix<double>& bounds, int threads) const {
    Data<T> data;
    reader_.set_rows(data, X);
    reader_.check_entries(data, nullptr, data.rows);
    static_assert(sizeof(ValueStatistics) == 5 * sizeof(double));
    const std::size_t values = bounds.shape(0);
    expect(values <= model_.program.plan.widths.size() && bounds.shape(1) == 2, "bounds have the wrong shape");
    expect(values > static_cast<std::size_t>(model_.program.plan.input), "bounds have the wrong shape");
    double* to;
    auto array = new_array<double>({values, 5}, to);
    const double* limits = bounds.data();
    nb::gil_scoped_release free;
    model_.probe(data, limits, reinterpret_cast<ValueStatistics*>(to), static_cast<long>(values), threads);
    return array;
  }

  void start(const nb::dict& optimizer, uint64_t seed, uint64_t step, const std::optional<Matrix<T>>& slots) {
    const OptimizerSpec spec = optimizer_spec(optimizer);
    if (slots)
      expect(slots->shape(0) == static_cast<std::size_t>(spec.slots()) && slots->shape(1) == flat_,
             "slots have the wrong shape");
    const T* from = slots ? slots->data() : nullptr;
    nb::gil_scoped_release free;  // a run in another thread may hold the lock and want the interpreter
    model_.start(spec, seed, step, from);
  }

  nb::tuple state() const {
    T* to;
    const auto n = static_cast<std::size_t>(model_.optimizer().slots());
    auto array = new_array<T>({n, flat_}, to);
    uint64_t step;
    {
      nb::gil_scoped_release free;
      step = model_.get_state(to);
    }
    return nb::make_tuple(step, array);
  }

  nb::tuple train(const nb::object& X, const nb::object& y, const std::optional<Vector<T>>& weight,
                  const Vector<uint32_t>& order, long batch, const Vector<double>& rates, int threads, double seconds,
                  const nb::object& tick, bool adapt, long accumulate, bool measure) {
    TrainJob<T> job{};
    job.data = reader_.read(X, y, weight);
    job.order = order.data();
    job.count = static_cast<long>(order.size());
    job.batch = batch;
    expect(batch >= 1, "batch_size must be at least 1");
    expect(all_below(job.order, order.size(), static_cast<std::size_t>(job.data.rows)), "a row index is out of range");
    reader_.check_entries(job.data, job.order, job.count);
    expect(accumulate >= 1, "accumulate must be at least 1");
    job.accumulate = accumulate;
    const long batches = (job.count + batch - 1) / batch, steps = (batches + accumulate - 1) / accumulate;
    job.rates = rates.data();
    job.rate_per_step = rates.size() != 1;
    expect(rates.size() == 1 || static_cast<long>(rates.size()) == steps,
           "learning_rates needs one number, or one per step");
    job.threads = threads;
    job.adapt = adapt;
    job.deadline_ns = seconds >= 0 ? now_ns() + static_cast<int64_t>(seconds * 1e9) : 0;
    if (seconds >= 0 && job.deadline_ns == 0) job.deadline_ns = 1;
    job.watch = [&](long rows, double loss, double w) {
      nb::gil_scoped_acquire hold;
      if (PyErr_CheckSignals() != 0) {
        if (!PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) throw nb::python_error();
        PyErr_Clear();
        return Status::interrupted;
      }
      if (tick.is_none()) return Status::done;
      return nb::cast<bool>(tick(rows, loss, w)) ? Status::done : Status::stopped;
    };
    auto losses = new_array<double>({static_cast<std::size_t>(steps)}, job.losses);
    auto penalties = new_array<double>({static_cast<std::size_t>(steps)}, job.penalties);
    std::fill_n(job.penalties, steps, 0.0);
    nb::object moved = nb::none();
    if (measure) {
      static_assert(sizeof(Moved) == 3 * sizeof(double));
      double* to;
      const std::size_t parameters = model_.program.plan.parameters.size();
      moved = nb::cast(new_array<double>({parameters, 3}, to));
      std::fill_n(to, 3 * parameters, NAN);
      job.moved = reinterpret_cast<Moved*>(to);
    }
    TrainResult r;
    {
      nb::gil_scoped_release free;
      r = model_.train(job);
    }
    static constexpr const char* names[] = {"done", "stopped", "interrupted", "deadline", "diverged"};
    return nb::make_tuple(r.loss, r.rows, r.steps, names[static_cast<int>(r.status)], losses, penalties, moved);
  }

 private:
  auto outputs_of(const Data<T>& data, int threads) const {
    T* to;
    auto array = new_array<T>({static_cast<std::size_t>(data.rows), reader_.width(model_.program.plan.output)}, to);
    if (data.rows > 4) {
      nb::gil_scoped_release free;
      model_.predict(data, to, threads);
    } else {
      model_.predict(data, to, 1);
    }
    return array;
  }

  Model<T> model_;
  DataReader<T> reader_;
  std::size_t flat_;
};

template <class T>
void bind_model(nb::module_& m, const char* name) {
  using M = PyModel<T>;
  nb::class_<M>(m, name)
      .def(nb::init<const nb::dict&>(), nb::arg("plan"))
      .def("set_parameters", &M::set_parameters, nb::arg("flat").noconvert())
      .def("get_parameters", &M::get_parameters)
      .def("predict", &M::predict, nb::arg("X").noconvert(), nb::arg("threads") = 0)
      .def("predict", &M::predict_parts, nb::arg("X"), nb::arg("threads") = 0)
      .def("predict_from", &M::predict_from, nb::arg("X"), nb::arg("state").noconvert().none(), nb::arg("threads") = 0)
      .def("evaluate", &M::evaluate, nb::arg("X"), nb::arg("y"), nb::arg("weight").noconvert().none(),
           nb::arg("threads") = 0)
      .def("gradients", &M::gradients, nb::arg("X"), nb::arg("y"), nb::arg("weight").noconvert().none(),
           nb::arg("seed"), nb::arg("step"), nb::arg("threads") = 0)
      .def("start", &M::start, nb::arg("optimizer"), nb::arg("seed"), nb::arg("step"),
           nb::arg("slots").noconvert().none())
      .def("state", &M::state)
      .def("train", &M::train, nb::arg("X"), nb::arg("y"), nb::arg("weight").noconvert().none(),
           nb::arg("order").noconvert(), nb::arg("batch_size"), nb::arg("learning_rates").noconvert(),
           nb::arg("threads"), nb::arg("seconds"), nb::arg("tick").none(), nb::arg("adapt") = true,
           nb::arg("accumulate") = 1, nb::arg("measure") = false)
      .def("probe", &M::probe, nb::arg("X"), nb::arg("bounds").noconvert(), nb::arg("threads") = 0);
}

// The numbers 0 .. n - 1 in an order drawn from (seed, epoch): Fisher and Yates's shuffle.
auto shuffle(std::size_t n, uint64_t seed, uint64_t epoch) {
  if (n > 0xffffffffull) throw nb::value_error("more than 4294967295 rows");
  uint32_t* order;
  auto array = new_array<uint32_t>({n}, order);
  for (std::size_t i = 0; i < n; i++) order[i] = static_cast<uint32_t>(i);
  const uint64_t key = splitmix64(splitmix64(seed) ^ splitmix64(~epoch));
  for (std::size_t i = n; i > 1; i--) std::swap(order[i - 1], order[random_below(key, i, static_cast<uint32_t>(i))]);
  return array;
}

using Changed = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

long present_rows(const Matrix<double>& X, const Vector<double>& y, const Changed& w, const std::optional<Changed>& b,
                  double eta, const Vector<uint32_t>& order) {
  if (y.size() != X.shape(0) || w.size() != X.shape(1) || (b && b->size() != 1))
    throw nb::value_error("X, y, w and b do not fit together");
  for (std::size_t i = 0; i < order.size(); i++)
    if (order.data()[i] >= X.shape(0)) throw nb::value_error("a row index is out of range");
  const double *x = X.data(), *target = y.data();
  double *weights = w.data(), *intercept = b ? b->data() : nullptr;
  const uint32_t* rows = order.data();
  const long count = static_cast<long>(order.size()), features = static_cast<long>(X.shape(1));
  nb::gil_scoped_release free;
  return perceptron_epoch(x, target, weights, intercept, eta, rows, count, features);
}

// Instruction sets of this machine that the library has kernels for, best first.
std::vector<std::string> supported() {
  std::vector<std::string> names;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    names.push_back("avx512");
  if (avx2) names.push_back("avx2");
#elif defined(__aarch64__)
  names.push_back("neon");
#endif
  names.push_back("scalar");
  return names;
}

}  // namespace

}  // namespace descend

NB_MODULE(DESCEND_MODULE, m) {
  using namespace descend;
  // A model that some cache of the program keeps until the interpreter ends is no mistake of this module.
  nb::set_leak_warnings(false);
  bind_model<float>(m, "Model32");
  bind_model<double>(m, "Model64");
  m.def("shuffle", &shuffle, nb::arg("n"), nb::arg("seed"), nb::arg("epoch"));
  m.def("perceptron_epoch", &present_rows, nb::arg("X").noconvert(), nb::arg("y").noconvert(), nb::arg("w").noconvert(),
        nb::arg("b").noconvert().none(), nb::arg("eta"), nb::arg("order").noconvert());
  m.def("supported", &supported);
  m.def("processors", &available_processors);
  m.attr("isa") = DESCEND_ISA_NAME;
}
