#include <numeric>

#include "harness.hpp"
#include "kernels/product.hpp"
#include "networks.hpp"
#include "runtime/memory.hpp"

using namespace descend;

namespace {

template <class T>
Buffer<T> random_panels(long rows, long columns, uint64_t seed) {
  networks::Random random(seed);
  Buffer<T> m(panels<T>(columns) * rows * kPanel<T>);
  for (long p = 0; p < panels<T>(columns); p++)
    for (long r = 0; r < rows; r++)
      for (long c = 0; c < columns_of<T>(columns, p); c++) m[(p * rows + r) * kPanel<T> + c] = static_cast<T>(random());
  return m;
}

template <class T>
T at(const Buffer<T>& m, long rows, long r, long c) {
  return m[(c / kPanel<T> * rows + r) * kPanel<T> + c % kPanel<T>];
}

// What every tile shape must give: chains of fused multiply-adds over blocks of terms, the blocks added in order.
template <class T, class A, class B>
T chain(long terms, long block, T start, A a, B b) {
  T total = 0;
  for (long k = 0; k < terms; k += block) {
    T sum = k == 0 ? start : T(0);
    for (long i = k; i < std::min(terms, k + block); i++) sum = std::fma(a(i), b(i), sum);
    total = k == 0 ? sum : total + sum;
  }
  return total;
}

template <class T>
void check_product(long rows, long terms, long columns) {
  const auto a = random_panels<T>(rows, terms, 1), b = random_panels<T>(terms, columns, 2),
             bias = random_panels<T>(1, columns, 3);
  Buffer<T> c(panels<T>(columns) * rows * kPanel<T>);
  product_panels<T>(a.get(), rows * kPanel<T>, rows, terms, Plain<T>{b.get(), terms * kPanel<T>}, c.get(),
                    rows * kPanel<T>, bias.get(), 0, panels<T>(columns));
  bool equal = true;
  for (long r = 0; r < rows; r++)
    for (long n = 0; n < columns; n++)
      equal &= at(c, rows, r, n) == chain<T>(
                                        terms, kTermBlock, bias[n], [&](long k) { return at(a, rows, r, k); },
                                        [&](long k) { return at(b, terms, k, n); });
  CHECK(equal);
}

// C = A W^T, by groups of panels as a network asks for them.
template <class T>
void check_transpose(long rows, long terms, long columns) {
  const auto a = random_panels<T>(rows, terms, 1), w = random_panels<T>(columns, terms, 2);
  Buffer<T> c(panels<T>(columns) * rows * kPanel<T>);
  std::fill(c.get(), c.get() + c.size(), T(NAN));
  for (long p = 0; p < panels<T>(columns); p += 4)
    product_with_transpose<T>(a.get(), rows * kPanel<T>, rows, terms, {w.get(), columns * kPanel<T>}, columns, c.get(),
                              rows * kPanel<T>, p, std::min(p + 4, panels<T>(columns)));
  bool equal = true;
  for (long r = 0; r < rows; r++)
    for (long n = 0; n < panels<T>(columns) * kPanel<T>; n++) {  // zeros behind the last column
      const T expected = n >= columns ? T(0)
                                      : chain<T>(
                                            terms, kTermBlock, T(0), [&](long k) { return at(a, rows, r, k); },
                                            [&](long k) { return at(w, columns, n, k); });
      equal &= at(c, rows, r, n) == expected;
    }
  CHECK(equal);
}

template <class T, int N>
void check_outer(long rows, long inputs, long columns) {
  const auto a = random_panels<T>(rows, inputs, 4), b = random_panels<T>(rows, columns, 5);
  Buffer<T> c(panels<T>(columns) * inputs * kPanel<T>);
  for (long i = 0; i < panels<T>(inputs); i++)
    for (long p = 0; p < panels<T>(columns); p += N) {
      long tiles = 0;
      outer_block<T, N>({a.get() + i * rows * kPanel<T>, 64 * kPanel<T>}, columns_of<T>(inputs, i),
                        {b.get() + p * rows * kPanel<T>, 64 * kPanel<T>}, rows * kPanel<T>, rows, 64,
                        c.get() + (p * inputs + i * kPanel<T>)*kPanel<T>, inputs * kPanel<T>, false, [&] { tiles++; });
      CHECK(tiles > 0);
    }
  bool equal = true;
  for (long i = 0; i < inputs; i++)
    for (long n = 0; n < columns; n++)
      equal &= at(c, inputs, i, n) == chain<T>(
                                          rows, kRowTermBlock, T(0), [&](long k) { return at(a, rows, k, i); },
                                          [&](long k) { return at(b, rows, k, n); });
  CHECK(equal);
}

// A heap block of no more than the part, so that the sanitizer sees what is read beyond it.
template <class T>
void check_part(long count) {
  std::vector<T> numbers(static_cast<std::size_t>(std::max(0L, count)));
  std::iota(numbers.begin(), numbers.end(), T(1));
  const Vec<T> part = load_part(numbers.data(), count);
  for (long i = 0; i < kLanes<T>; i++) CHECK(part[i] == (i < count ? static_cast<T>(i + 1) : T(0)));
}

}  // namespace

TEST(products_equal_chains_of_fused_multiply_adds) {
  for (long rows : {1L, 2L, 5L, 6L, 7L, 13L, 32L})
    for (long terms : {1L, 16L, 37L, 256L, 300L})
      for (long columns : {1L, 10L, 16L, 37L, 64L, 100L}) {
        check_product<float>(rows, terms, columns);
        check_product<double>(rows, terms, columns);
        check_transpose<float>(rows, terms, columns);
        check_transpose<double>(rows, terms, columns);
      }
}

TEST(outer_products_equal_chains_of_fused_multiply_adds) {
  for (long rows : {1L, 3L, 48L, 257L, 600L})
    for (long inputs : {1L, 7L, 16L, 20L, 37L})
      for (long columns : {1L, 16L, 37L}) {
        check_outer<float, 1>(rows, inputs, columns);
        check_outer<double, 1>(rows, inputs, columns);
        const long wide = panels<float>(columns) * 4 * kPanel<float>;  // whole groups of panels
        check_outer<float, 2>(rows, inputs, wide);
        check_outer<float, 3>(rows, inputs, 3 * wide);
        check_outer<float, 4>(rows, inputs, wide);
        check_outer<double, 4>(rows, inputs, wide);
      }
}

TEST(parts_of_a_vector_have_zeros_behind_them) {
  for (long count = -1; count <= kLanes<double> + 1; count++) check_part<double>(count);
  for (long count = -1; count <= kLanes<float> + 1; count++) check_part<float>(count);
}

TEST(transposes_keep_what_lies_beyond_the_rows) {
  constexpr int P = kPanel<float>;
  alignas(64) float from[P * P], to[P * P];
  for (long rows = 1; rows <= P; rows++) {
    for (int i = 0; i < P * P; i++) from[i] = static_cast<float>(i), to[i] = -1;
    transpose_panel<float>(from, rows, to);
    for (int c = 0; c < P; c++)
      for (int r = 0; r < P; r++) CHECK(to[c * P + r] == (r < rows ? from[r * P + c] : -1));
  }
}
