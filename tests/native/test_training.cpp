#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "harness.hpp"
#include "networks.hpp"
#include "runtime/team.hpp"

using namespace networks;

namespace {

OptimizerSpec optimizer(OptimizerKind kind, double clip_norm = INFINITY) {
  OptimizerSpec s = adam();
  s.kind = kind;
  s.clip_norm = clip_norm;
  return s;
}

const std::vector<OptimizerSpec>& optimizers() {
  static const std::vector<OptimizerSpec> all = {
      optimizer(OptimizerKind::sgd),        optimizer(OptimizerKind::momentum),     optimizer(OptimizerKind::nesterov),
      optimizer(OptimizerKind::heavy_ball), optimizer(OptimizerKind::adagrad),      optimizer(OptimizerKind::rmsprop),
      optimizer(OptimizerKind::adam),       optimizer(OptimizerKind::nadam),        optimizer(OptimizerKind::amsgrad),
      optimizer(OptimizerKind::adam, 0.1),  optimizer(OptimizerKind::nesterov, 0.1)};
  return all;
}

}  // namespace

// The bits of a run are a promise: the same on every instruction set, vector width and number of threads. Whoever
// changes the order of the arithmetic on purpose changes these numbers, and says so in the change log.
TEST(bits_are_what_they_were) {
  const uint64_t single = train(Problem<float>(tower(), 203), adam(), 64, 1);
  const uint64_t twice = train(Problem<double>(tower(), 203), adam(), 64, 1);
  CHECK(single == 0xfe1731933514ba3eull);
  CHECK(twice == 0x3986d47ed17bdbeeull);
  if (harness::failures())
    std::printf("float %#llx double %#llx\n", (unsigned long long)single, (unsigned long long)twice);
}

TEST(threads_do_not_change_bits) {
  const Problem<float> problem(tower(), 203);
  for (const OptimizerSpec& o : optimizers())
    for (long batch : {1L, 48L, 203L}) {
      if (batch == 1 && o.kind != OptimizerKind::adam) continue;
      const uint64_t expected = train(problem, o, batch, 1);
      for (int threads : {2, 3, 5}) CHECK(train(problem, o, batch, threads) == expected);
    }
}

TEST(threads_do_not_change_bits_of_graphs_and_shared_weights) {
  for (const PlanSpec& plan : {graph(), sharing(), embedding()}) {
    const Problem<float> problem(plan, 203);
    const Problem<double> precise(plan, 37);
    for (const OptimizerSpec& o : optimizers()) {
      const uint64_t expected = train(problem, o, 64, 1), twice = train(precise, o, 16, 1);
      for (int threads : {2, 3, 5}) CHECK(train(problem, o, 64, threads) == expected);
      CHECK(train(precise, o, 16, 2) == twice);
    }
  }
}

TEST(prediction_reads_weights_as_they_are_after_training) {
  const Problem<double> problem(sharing(), 50);
  Model<double> trained(problem.plan), fresh(problem.plan);
  trained.set_parameters(problem.parameters.data());
  trained.start(optimizer(OptimizerKind::nesterov), 3, 0, nullptr);
  const double rate = 0.01;
  trained.train(problem.job(20, 2, &rate));
  std::vector<double> parameters(problem.parameters.size());
  trained.get_parameters(parameters.data());
  fresh.set_parameters(parameters.data());
  std::vector<double> before(50 * 37), after(50 * 37);
  fresh.predict(problem.data(), before.data(), 1);
  trained.predict(problem.data(), after.data(), 2);
  CHECK(before == after);
}

TEST(every_loss_and_function_runs_on_several_threads) {
  for (int k = 0; k <= static_cast<int>(LossKind::hinge); k++) {
    const auto kind = static_cast<LossKind>(k);
    if (kind == LossKind::cce) continue;
    for (const Link link : {Link::identity, kind == LossKind::bce ? Link::sigmoid : Link::identity}) {
      Builder b(11);
      const Problem<float> problem(
          b.dense(21).activation(Function::sigmoid).dense(3).softmax().dense(3).loss(kind, link), 77);
      CHECK(train(problem, adam(), 32, 1) == train(problem, adam(), 32, 3));
    }
  }
  for (int f = 0; f <= static_cast<int>(Function::exponential); f++) {
    Builder b(11);
    const Problem<double> problem(b.dense(21).activation(static_cast<Function>(f), 0.1).dense(3).loss(LossKind::mse),
                                  77);
    CHECK(train(problem, adam(), 32, 1) == train(problem, adam(), 32, 3));
  }
}

TEST(noise_and_layer_norm_do_not_depend_on_threads) {
  const auto plan = [] {
    return Builder(37)
        .layer_norm()
        .noise(0.1)
        .dense(65)
        .layer_norm()
        .activation(Function::relu)
        .noise(0.2)
        .dense(5)
        .loss(LossKind::mse);
  };
  const Problem<float> single(plan(), 203);
  const Problem<double> twice(plan(), 203);
  for (long batch : {1L, 48L, 203L}) {
    CHECK(train(single, adam(), batch, 1) == train(single, adam(), batch, 3));
    CHECK(train(twice, adam(), batch, 1) == train(twice, adam(), batch, 3));
  }
}

TEST(augmentation_does_not_depend_on_threads) {
  for (const FillMode fill : {FillMode::constant, FillMode::nearest, FillMode::reflect, FillMode::wrap}) {
    const Problem<float> single(augmented(fill), 67);
    const Problem<double> twice(augmented(fill), 67);
    for (long batch : {1L, 30L, 67L}) {
      CHECK(train(single, adam(), batch, 1) == train(single, adam(), batch, 3));
      CHECK(train(twice, adam(), batch, 1) == train(twice, adam(), batch, 3));
    }
  }
}

TEST(limited_columns_do_not_depend_on_threads) {
  const auto plan = [] {
    return Builder(37)
        .dense(65)
        .max_norm(0.6)
        .activation(Function::tanh)
        .dense(48)
        .max_norm(0.5)
        .dense(5)
        .max_norm(0.4);
  };
  const Problem<float> single(plan().loss(LossKind::mse), 203);
  const Problem<double> twice(plan().loss(LossKind::mse), 203);
  for (const OptimizerSpec& o : optimizers()) {
    CHECK(train(single, o, 64, 1) == train(single, o, 64, 3));
    CHECK(train(twice, o, 64, 1) == train(twice, o, 64, 3));
  }
  CHECK(train(single, adam(), 64, 1) !=
        train(Problem<float>(plan().max_norm(0.5).loss(LossKind::mse), 203), adam(), 64, 1));
}

TEST(prediction_and_loss_do_not_depend_on_threads) {
  const Problem<float> problem(tower(), 1000);
  Model<float> model(problem.plan);
  model.set_parameters(problem.parameters.data());
  std::vector<float> one(10000), three(10000);
  model.predict(problem.data(), one.data(), 1);
  model.predict(problem.data(), three.data(), 3);
  CHECK(one == three);
  CHECK(model.evaluate(problem.data(), 1) == model.evaluate(problem.data(), 3));
  std::vector<float> g1(problem.parameters.size()), g3(problem.parameters.size());
  CHECK(model.gradients(problem.data(), 1, 2, g1.data(), 1) == model.gradients(problem.data(), 1, 2, g3.data(), 3));
  CHECK(g1 == g3);
}

TEST(models_train_side_by_side) {
  const Problem<float> problem(tower(), 203);
  const uint64_t expected = train(problem, adam(), 64, 1);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; i++) threads.emplace_back([&] { good += train(problem, adam(), 64, 2) == expected; });
  for (auto& t : threads) t.join();
  CHECK(good == 4);
}

TEST(one_model_predicts_from_many_threads) {
  const Problem<float> problem(tower(), 300);
  Model<float> model(problem.plan);
  model.set_parameters(problem.parameters.data());
  std::vector<float> expected(3000);
  model.predict(problem.data(), expected.data(), 1);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&] {
      std::vector<float> out(3000);
      for (int k = 0; k < 20; k++) model.predict(problem.data(), out.data(), 2);
      good += out == expected;
    });
  for (auto& t : threads) t.join();
  CHECK(good == 4);
}

TEST(watch_stops_and_errors_pass) {
  const Problem<float> problem(tower(), 203);
  Model<float> model(problem.plan);
  model.set_parameters(problem.parameters.data());
  model.start(adam(), 0, 0, nullptr);
  const double rate = 0.01;
  TrainJob<float> job = problem.job(64, 3, &rate);
  job.watch = [](long, double, double) -> Status { throw 42; };
  bool thrown = false;
  try {
    model.train(job);
  } catch (int) {
    thrown = true;
  }
  CHECK(thrown);
  job.watch = nullptr;
  job.deadline_ns = 1;
  const TrainResult r = model.train(job);
  CHECK(r.status == Status::deadline && r.steps == 1 && r.rows == 64);
}

TEST(divergence_stops_all_threads) {
  Problem<float> problem(tower(), 203);
  problem.X[static_cast<std::size_t>(problem.order[100]) * 37] = INFINITY;
  Model<float> model(problem.plan);
  model.set_parameters(problem.parameters.data());
  model.start(adam(), 0, 0, nullptr);
  const double rate = 0.01;
  const TrainResult r = model.train(problem.job(64, 3, &rate));
  CHECK(r.status == Status::diverged && r.steps == 1);
  std::vector<float> after(problem.parameters.size());
  model.get_parameters(after.data());
  bool finite = true;
  for (const float x : after) finite &= std::isfinite(x);
  CHECK(finite);
}

// A team that is too large for the machine shrinks and grows again; the bits stay.
TEST(team_adapts_without_changing_bits) {
  const Problem<float> problem(tower(), 203);
  std::vector<uint32_t> order;
  for (int i = 0; i < 150; i++) order.insert(order.end(), problem.order.begin(), problem.order.end());
  const auto run = [&](int threads, bool adapt) {
    Model<float> model(problem.plan);
    model.set_parameters(problem.parameters.data());
    model.start(adam(), 3, 0, nullptr);
    const double rate = 0.001;
    TrainJob<float> job = problem.job(64, threads, &rate);
    job.order = order.data();
    job.count = static_cast<long>(order.size());
    job.adapt = adapt;
    model.train(job);
    std::vector<float> after(problem.parameters.size());
    model.get_parameters(after.data());
    return hash(after);
  };
  const uint64_t expected = run(1, false);
  CHECK(run(2, true) == expected);
  CHECK(run(4 * available_processors(), true) == expected);
}

#if !defined(__SANITIZE_THREAD__)  // ThreadSanitizer does not follow a fork of a threaded process
TEST(forked_child_trains) {
  const Problem<float> problem(tower(), 203);
  const uint64_t expected = train(problem, adam(), 64, 2);
  const pid_t child = fork();
  if (child == 0) _exit(train(problem, adam(), 64, 2) == expected ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(train(problem, adam(), 64, 2) == expected);
}
#endif
