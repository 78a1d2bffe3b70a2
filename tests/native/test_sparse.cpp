#include <cmath>

#include "harness.hpp"
#include "networks.hpp"

using namespace networks;

namespace {

// A problem and the same rows as sparse ones: one entry in nine, one full row, one empty row, one full column.
template <class T>
struct SparseProblem : Problem<T> {
  std::vector<int64_t> starts{0};
  std::vector<int32_t> columns;
  std::vector<T> values;

  SparseProblem(const PlanSpec& spec, long n) : Problem<T>(spec, n) {
    const long width = this->plan.widths[0];
    for (long r = 0; r < n; r++) {
      for (long c = 0; c < width; c++) {
        T& x = this->X[static_cast<std::size_t>(r * width + c)];
        const bool kept = r == 3 || (r != 5 && (c == 7 || splitmix64(static_cast<uint64_t>(r * width + c)) % 9 == 0));
        if (!kept) x = 0;
        if (!kept) continue;
        columns.push_back(static_cast<int32_t>(c));
        values.push_back(x);
      }
      starts.push_back(static_cast<int64_t>(columns.size()));
    }
  }

  Data<T> sparse_data() const {
    Data<T> d = this->data();
    d.X = nullptr;
    d.sparse_X = {starts.data(), columns.data(), values.data()};
    return d;
  }

  // All parameters after two epochs.
  std::vector<T> trained(const OptimizerSpec& optimizer, bool sparse, long batch, int threads) const {
    Model<T> model(this->plan);
    model.set_parameters(this->parameters.data());
    model.start(optimizer, 3, 0, nullptr);
    const double rate = 0.01;
    TrainJob<T> job = this->job(batch, threads, &rate);
    if (sparse) job.data = sparse_data();
    for (int epoch = 0; epoch < 2; epoch++) model.train(job);
    std::vector<T> after(this->parameters.size());
    model.get_parameters(after.data());
    return after;
  }
};

// More features than a task owns and than a block of terms has, outputs of several panels and a rest.
PlanSpec wide() {
  return Builder(611)
      .dense(85, true, 1e-4)
      .activation(Function::relu)
      .dropout(0.2)
      .dense(10)
      .loss(LossKind::cce, Link::softmax);
}

template <class T>
double distance(const std::vector<T>& a, const std::vector<T>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); i++)
    most = std::max(most, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return most;
}

OptimizerSpec clipped(OptimizerKind kind) {
  OptimizerSpec s = adam();
  s.kind = kind;
  s.clip_norm = 0.1;
  return s;
}

}  // namespace

// As in test_training.cpp: a promise.
TEST(bits_of_sparse_rows_are_what_they_were) {
  const uint64_t single = hash(SparseProblem<float>(wide(), 203).trained(adam(), true, 64, 1));
  const uint64_t twice = hash(SparseProblem<double>(wide(), 203).trained(adam(), true, 64, 1));
  CHECK(single == 0xf0d7df1a4a84792bull);
  CHECK(twice == 0xcd63dda20e0091a0ull);
  if (harness::failures())
    std::printf("float %#llx double %#llx\n", (unsigned long long)single, (unsigned long long)twice);
}

TEST(sparse_rows_train_like_dense_ones_on_any_number_of_threads) {
  const SparseProblem<double> problem(wide(), 203);
  for (const OptimizerSpec& o : {adam(), clipped(OptimizerKind::nesterov), clipped(OptimizerKind::amsgrad)})
    for (long batch : {7L, 64L, 203L}) {
      const std::vector<double> expected = problem.trained(o, true, batch, 1);
      CHECK(distance(expected, problem.trained(o, false, batch, 1)) < 1e-9);
      for (int threads : {2, 3, 5}) CHECK(problem.trained(o, true, batch, threads) == expected);
    }
}

TEST(sparse_gradients_and_predictions_do_not_depend_on_threads) {
  const SparseProblem<float> problem(wide(), 300);
  const Data<float> data = problem.sparse_data();
  Model<float> model(problem.plan);
  model.set_parameters(problem.parameters.data());
  std::vector<float> one(3000), three(3000), dense(3000);
  model.predict(data, one.data(), 1);
  model.predict(data, three.data(), 3);
  model.predict(problem.data(), dense.data(), 2);
  CHECK(one == three && distance(one, dense) < 1e-5);
  CHECK(model.evaluate(data, 1) == model.evaluate(data, 3));
  std::vector<float> g1(problem.parameters.size()), g3 = g1, g = g1;
  CHECK(model.gradients(data, 1, 2, g1.data(), 1) == model.gradients(data, 1, 2, g3.data(), 3));
  model.gradients(problem.data(), 1, 2, g.data(), 2);
  CHECK(g1 == g3 && distance(g1, g) < 1e-5);
}

TEST(rows_without_entries_are_rows) {
  const Problem<float> problem(wide(), 40);
  const std::vector<int64_t> starts(41, 0);
  const int32_t no_column = 0;
  const float no_value = 0;
  TrainJob<float> job{};
  const double rate = 0.01;
  job = problem.job(16, 3, &rate);
  job.data.X = nullptr;
  job.data.sparse_X = {starts.data(), &no_column, &no_value};
  Model<float> model(problem.plan);
  model.set_parameters(problem.parameters.data());
  model.start(adam(), 0, 0, nullptr);
  CHECK(model.train(job).steps == 3);
  std::vector<float> out(400);
  model.predict(job.data, out.data(), 2);
  for (long r = 1; r < 40; r++)
    for (long c = 0; c < 10; c++) CHECK(out[static_cast<std::size_t>(r * 10 + c)] == out[static_cast<std::size_t>(c)]);
}

TEST(plans_that_read_every_number_take_no_sparse_rows) {
  CHECK(Model<float>(wide()).takes_sparse_rows());
  CHECK(!Model<float>(Builder(5).dropout(0.1).dense(3).loss(LossKind::mse)).takes_sparse_rows());
  CHECK(!Model<float>(Builder(5).loss(LossKind::mse)).takes_sparse_rows());
}
