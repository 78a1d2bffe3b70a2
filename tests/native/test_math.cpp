#include "harness.hpp"
#include "kernels/math.hpp"
#include "kernels/normal.hpp"
#include "runtime/random.hpp"

using namespace descend;

namespace {

// Largest error over a range, in units of the last place of the true value (or of `floor`, where it is smaller).
template <class T, class Ours, class True>
double worst(double low, double high, double floor, Ours ours, True exact) {
  double most = 0;
  for (int i = 0; i <= 20000; i++) {
    const T x = static_cast<T>(low + (high - low) * i / 20000);
    const long double truth = exact(static_cast<long double>(x));
    const double unit = std::max(std::fabs(static_cast<double>(truth)), floor) * std::numeric_limits<T>::epsilon();
    most =
        std::max(most, std::fabs(static_cast<double>(static_cast<long double>(ours(splat<T>(x))[0]) - truth)) / unit);
  }
  return most;
}

template <class T>
void check_accuracy() {
  const double edge = sizeof(T) == 4 ? 80 : 700;
  CHECK(worst<T>(-edge, edge, 0, [](Vec<T> x) { return exp<T>(x); }, [](long double x) { return expl(x); }) < 2);
  CHECK(worst<T>(1e-3, 50, 0, [](Vec<T> x) { return descend::log<T>(x); }, [](long double x) { return logl(x); }) < 3);
  CHECK(worst<T>(-8, 8, 0, [](Vec<T> x) { return tanh<T>(x); }, [](long double x) { return tanhl(x); }) < 3);
  CHECK(
      worst<T>(-20, 0, 0, [](Vec<T> x) { return expm1_negative<T>(x); }, [](long double x) { return expm1l(x); }) < 2);
  CHECK(worst<T>(0, 1, 0, [](Vec<T> x) { return log1p_unit<T>(x); }, [](long double x) { return log1pl(x); }) < 3);
  CHECK(worst<T>(-6, 6, 1, [](Vec<T> x) { return erfc<T>(x); }, [](long double x) { return erfcl(x); }) < 4);
  CHECK(worst<T>(
            -30, 30, 0, [](Vec<T> x) { return sigmoid<T>(x); }, [](long double x) { return 1 / (1 + expl(-x)); }) < 3);
  CHECK(
      worst<T>(-30, 30, 0, [](Vec<T> x) { return softplus<T>(x); }, [](long double x) { return log1pl(expl(x)); }) < 3);
}

// Of a normal number against the probability it stands for, in units of the last place of the larger of it and 1.
template <class T>
double normal_error(uint32_t bits) {
  const long double z = static_cast<long double>(normal<T>(VecU<T>{} + bits)[0]);
  const bool upper = bits >= 0x80000000u;
  const long double tail = (static_cast<long double>(upper ? ~bits : bits) + 0.5L) / 4294967296.0L;
  const long double found = erfcl((upper ? z : -z) / sqrtl(2)) / 2,
                    density = expl(-z * z / 2) * 0.39894228040143267794L;
  const long double unit = std::numeric_limits<T>::epsilon() * std::max(1.0L, fabsl(z));
  return static_cast<double>(fabsl((found - tail) / density) / unit);
}

template <class T>
void check_normal() {
  double most = 0;
  for (uint64_t i = 0; i < 20000; i++) {
    most = std::max(most, normal_error<T>(static_cast<uint32_t>(splitmix64(i))));
    most = std::max(most, normal_error<T>(static_cast<uint32_t>(i)));
    most = std::max(most, normal_error<T>(static_cast<uint32_t>(0x80000000u - 10000 + i)));
  }
  CHECK(most < 4);
  for (uint32_t bits : {0u, 1u, 12345u, 0x7fffffffu}) {
    const T z = normal<T>(VecU<T>{} + bits)[0];
    CHECK(z == -normal<T>(VecU<T>{} + ~bits)[0] && z <= 0 && z > T(-6.4));
  }
}

// Of a pair of normal numbers against their definition, in units of the last place of the larger of the distance and 1.
template <class T>
double pair_error(uint32_t bits) {
  Vec<T> first, second;
  normal_pair<T>(VecU<T>{} + bits, first, second);
  const long double radius = sqrtl(-2 * logl(((bits >> 9) + 0.5L) / 8388608));
  const uint32_t direction = bits * 0x9e3779b1u;
  const long double beyond = static_cast<long double>(static_cast<int32_t>(direction << 1)) / 4294967296.0L;
  const long double angle = acosl(-1.0L) * ((direction >> 31) + beyond);
  const long double error = std::max(fabsl(static_cast<long double>(first[0]) - radius * cosl(angle)),
                                     fabsl(static_cast<long double>(second[0]) - radius * sinl(angle)));
  return static_cast<double>(error / (std::numeric_limits<T>::epsilon() * std::max(1.0L, radius)));
}

template <class T>
void check_pairs() {
  double most = 0;
  for (uint64_t i = 0; i < 20000; i++) {
    most = std::max(most, pair_error<T>(static_cast<uint32_t>(splitmix64(i))));
    most = std::max(most, pair_error<T>(static_cast<uint32_t>(i << 9)));
    most = std::max(most, pair_error<T>(static_cast<uint32_t>(~(i << 9))));
  }
  CHECK(most < 2);
}

template <class T>
void check_edges() {
  const T big = T(1e4), inf = INFINITY;
  const auto one = [](auto f, T x) { return f(splat<T>(x))[0]; };
  const auto e = [](Vec<T> x) { return exp<T>(x); };
  CHECK(one(e, -big) == 0 && one(e, big) == inf && one(e, inf) == inf && one(e, -inf) == 0 && one(e, T(0)) == 1);
  CHECK(std::isnan(one(e, T(NAN))));
  const auto t = [](Vec<T> x) { return tanh<T>(x); };
  CHECK(one(t, big) == 1 && one(t, -big) == -1 && one(t, T(0)) == 0 && std::isnan(one(t, T(NAN))));
  const auto s = [](Vec<T> x) { return sigmoid<T>(x); };
  CHECK(one(s, big) == 1 && one(s, -big) == 0 && one(s, T(0)) == T(0.5) && std::isnan(one(s, T(NAN))));
  const auto p = [](Vec<T> x) { return softplus<T>(x); };
  CHECK(one(p, big) == big && one(p, -big) == 0 && std::isnan(one(p, T(NAN))));
  const auto c = [](Vec<T> x) { return erfc<T>(x); };
  CHECK(one(c, big) == 0 && one(c, -big) == 2 && std::isnan(one(c, T(NAN))));
  CHECK(descend::log<T>(T(1)) == 0 && descend::log<T>(T(0)) == -inf && descend::log<T>(inf) == inf);
  CHECK(std::isnan(descend::log<T>(T(-1))) && std::isnan(descend::log<T>(T(NAN))));
}

}  // namespace

TEST(functions_are_accurate) {
  check_accuracy<float>();
  check_accuracy<double>();
}

TEST(normal_numbers_are_accurate) {
  check_normal<float>();
  check_normal<double>();
  check_pairs<float>();
  check_pairs<double>();
}

TEST(functions_keep_infinities_and_nans) {
  check_edges<float>();
  check_edges<double>();
}
