// Python's arrays as the engine's data. What would be unsafe to read is refused here; what users are told about shapes
// and types comes from engine/native.py.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "runtime/spec.hpp"

namespace nb = nanobind;

namespace descend {

template <class T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// A new array that owns `count` numbers.
template <class T>
nb::ndarray<nb::numpy, T> new_array(std::initializer_list<std::size_t> shape, T*& data) {
  std::size_t count = 1;
  for (const std::size_t n : shape) count *= n;
  data = new T[count > 0 ? count : 1];
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::ndarray<nb::numpy, T>(data, shape.size(), shape.begin(), owner);
}

// Whether all of `count` numbers are below `limit`, as unsigned ones: a negative number is not. (Arrays compute what
// their accessors return.)
template <class Int>
bool all_below(const Int* numbers, std::size_t count, std::size_t limit) {
  using Unsigned = std::make_unsigned_t<Int>;
  const auto most = static_cast<Unsigned>(std::min<std::size_t>(limit, std::numeric_limits<Unsigned>::max()));
  bool good = true;
  for (std::size_t i = 0; i < count; i++) good &= static_cast<Unsigned>(numbers[i]) < most;
  return good;
}

inline void expect(bool holds, const char* message) {
  if (!holds) throw nb::value_error(message);
}

// Reads rows for a plan. The arrays stay alive with the caller's arguments.
template <class T>
class DataReader {
 public:
  DataReader(const PlanSpec& plan, bool takes_sparse_rows) : plan_(plan), takes_sparse_rows_(takes_sparse_rows) {}

  // Numbers in a row of a value.
  std::size_t width(int value) const { return static_cast<std::size_t>(plan_.size(value)); }
  std::size_t positions(int value) const { return static_cast<std::size_t>(plan_.positions_of(value)); }

  void set_dense(Data<T>& data, const Matrix<T>& X) const {
    expect(X.shape(1) == width(plan_.input), "X has the wrong number of columns");
    data.X = X.data();
    data.rows = static_cast<long>(X.shape(0));
    check_categories(data);
  }

  // X: a matrix; a matrix of sequences with their lengths (rows,) as a tuple; or sparse rows as a tuple of starts
  // (rows + 1,), columns and values.
  void set_rows(Data<T>& data, const nb::object& X) const {
    if (!nb::isinstance<nb::tuple>(X)) return set_dense(data, nb::cast<Matrix<T>>(X, false));
    const auto parts = nb::cast<nb::tuple>(X);
    if (nb::len(parts) == 2) {
      set_rows(data, parts[0]);
      const auto lengths = nb::cast<Vector<int32_t>>(parts[1], false);
      bool good = static_cast<long>(lengths.size()) == data.rows;
      for (std::size_t r = 0; good && r < lengths.size(); r++)
        good = lengths.data()[r] >= 1 && lengths.data()[r] <= steps();
      expect(good, "lengths must be one per row, from 1 to the number of steps");
      data.lengths = lengths.data();
      return;
    }
    expect(takes_sparse_rows_, "sparse rows need a network whose first layer is dense");
    expect(nb::len(parts) == 3, "sparse rows are a tuple (starts, columns, values)");
    const auto starts = nb::cast<Vector<int64_t>>(parts[0], false);
    const auto columns = nb::cast<Vector<int32_t>>(parts[1], false);
    const auto values = nb::cast<Vector<T>>(parts[2], false);
    const auto entries = static_cast<int64_t>(values.size());
    bool good = starts.size() > 0 && columns.size() == values.size() && starts.data()[0] == 0 &&
                starts.data()[starts.size() - 1] == entries;
    for (std::size_t r = 1; good && r < starts.size(); r++) good = starts.data()[r - 1] <= starts.data()[r];
    expect(good, "sparse rows do not fit together");
    data.sparse_X = {starts.data(), columns.data(), values.data()};
    data.rows = static_cast<long>(starts.size()) - 1;
  }

  // Columns of the rows in `order` (null: the first `count`) exist and increase.
  void check_entries(const Data<T>& data, const uint32_t* order, long count) const {
    if (!data.sparse()) return;
    const auto most = static_cast<int64_t>(width(plan_.input));
    for (long i = 0; i < count; i++) {
      const long r = order ? static_cast<long>(order[i]) : i;
      int64_t before = -1;
      bool good = true;
      for (int64_t k = data.sparse_X.starts[r]; k < data.sparse_X.starts[r + 1]; k++) {
        good &= data.sparse_X.columns[k] > before;
        before = data.sparse_X.columns[k];
      }
      expect(good && before < most, "the columns of a sparse row do not increase, or are out of range");
    }
  }

  // Rows with targets and, where there are any, weights (rows,).
  Data<T> read(const nb::object& X, const nb::object& y, const std::optional<Vector<T>>& weight) const {
    expect(plan_.has_loss, "the plan has no loss");
    Data<T> data;
    set_rows(data, X);
    const auto rows = static_cast<std::size_t>(data.rows);
    const std::size_t outputs = width(plan_.loss.prediction);
    if (plan_.loss.index_target && !plan_.loss.groups.empty()) {
      const std::vector<long>& groups = plan_.loss.groups;
      const auto classes = nb::cast<Vector<int32_t>>(y, false);
      const std::size_t lines = positions(plan_.loss.prediction);
      expect(classes.size() == rows * lines * groups.size(), "y has the wrong number of rows or groups");
      for (std::size_t i = 0; i < classes.size(); i++)
        expect(classes.data()[i] >= 0 && classes.data()[i] < groups[i % groups.size()], "a class in y is out of range");
      data.classes = classes.data();
    } else if (plan_.loss.index_target) {
      const auto classes = nb::cast<Vector<int32_t>>(y, false);
      const std::size_t lines = positions(plan_.loss.prediction);
      expect(classes.size() == rows * lines, "y has the wrong number of rows");
      expect(all_below(classes.data(), classes.size(), outputs / lines), "a class in y is out of range");
      data.classes = classes.data();
    } else {
      const auto dense = nb::cast<Matrix<T>>(y, false);
      expect(dense.shape(0) == rows && dense.shape(1) == outputs, "y has the wrong shape");
      data.y = dense.data();
    }
    if (weight) {
      expect(weight->size() == rows, "weight has the wrong number of rows");
      data.weight = weight->data();
    }
    return data;
  }

 private:
  // Steps of a row: its positions, or integers that an embedding makes into positions.
  long steps() const {
    long most = plan_.positions_of(plan_.input);
    for (const OpSpec& s : plan_.ops)
      if (s.kind == OpKind::embedding) most = std::max(most, plan_.positions_of(s.output));
    return most;
  }

  // Categories are integers in their range, which the engine relies on.
  void check_categories(const Data<T>& data) const {
    const long columns = plan_.size(plan_.input);
    for (const OpSpec& op : plan_.ops)
      for (const CategorySpec& c : op.categories)
        for (long r = 0; r < data.rows; r++) {
          const T x = data.X[r * columns + c.origin];
          if (x >= 0 && x < static_cast<T>(c.levels) && x == std::floor(x)) continue;
          throw nb::value_error(("X[" + std::to_string(r) + ", " + std::to_string(c.origin) + "] is " +
                                 std::to_string(x) + ", but column " + std::to_string(c.origin) +
                                 " holds categories: integers from 0 to " + std::to_string(c.levels - 1))
                                    .c_str());
        }
  }

  const PlanSpec& plan_;
  bool takes_sparse_rows_;
};

}  // namespace descend
